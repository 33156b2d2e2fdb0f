/** A ZIP file of pictures, stored as they are: they are compressed already. */

const LOCAL_SIGNATURE = 0x04034b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const END_SIGNATURE = 0x06054b50;
const UTF8_NAMES = 0x0800;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/**
 * @param {{name: string, blob: Blob}[]} files names must differ; see `distinctNames`
 * @returns {Promise<Blob>}
 */
export async function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, blob } of files) {
    const label = new TextEncoder().encode(name);
    const entry = { label, crc: crc32(new Uint8Array(await blob.arrayBuffer())), size: blob.size, offset };
    const local = [record(LOCAL_SIGNATURE, entry), label];
    parts.push(...local, blob);
    offset += sizeOf(local) + blob.size;
    directory.push(record(CENTRAL_SIGNATURE, entry), label);
  }
  const end = fields([
    [4, END_SIGNATURE],
    [4, 0],
    [2, files.length],
    [2, files.length],
    [4, sizeOf(directory)],
    [4, offset],
    [2, 0],
  ]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/**
 * The same names, numbered where one stands twice: `a.png`, `a (2).png`.
 * @param {string[]} names
 * @returns {string[]}
 */
export function distinctNames(names) {
  const used = new Set();
  return names.map((name) => {
    const [, stem, ending] = /^(.*?)(\.[^.]*)?$/s.exec(name) ?? [];
    let distinct = name;
    for (let number = 2; used.has(distinct.toLowerCase()); number += 1) distinct = `${stem} (${number})${ending ?? ""}`;
    used.add(distinct.toLowerCase());
    return distinct;
  });
}

/** The header of one file: the local one, or its longer twin in the directory at the end. */
function record(signature, { label, crc, size, offset }) {
  const central = signature === CENTRAL_SIGNATURE;
  return fields([
    [4, signature],
    ...(central ? [[2, 20]] : []), // made by a program of ZIP 2.0
    [2, 20],
    [2, UTF8_NAMES],
    [2, 0], // to be read by one; names are UTF-8; stored
    [2, 0],
    [2, 0x21], // midnight of 1980-01-01: the same files give the same bytes
    [4, crc],
    [4, size],
    [4, size],
    [2, label.length],
    [2, 0],
    ...(central
      ? [
          [2, 0],
          [2, 0],
          [2, 0],
          [4, 0],
          [4, offset],
        ]
      : []),
  ]);
}

/** Little-endian fields of 2 or 4 bytes. @param {number[][]} list pairs of size and value */
function fields(list) {
  const view = new DataView(new ArrayBuffer(list.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of list) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

function sizeOf(arrays) {
  return arrays.reduce((sum, array) => sum + array.length, 0);
}

function crc32(bytes) {
  let value = ~0;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}
