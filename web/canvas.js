/** Small helpers around canvases and pictures. */

/** @param {number} width @param {number} height px @returns {HTMLCanvasElement} */
export function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} a PNG */
export function encode(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("The mask is too large for this browser."))),
      "image/png",
    );
  });
}

/** @param {[number, number][]} points @returns {Path2D} closed */
export function polygonPath(points) {
  return new Path2D(`M${points.map((point) => point.join(" ")).join("L")}Z`);
}

/**
 * The picture upright, as the service sees it; null where this browser cannot show it.
 * @param {Blob} blob
 * @param {object} [size]
 */
export async function bitmapOf(blob, size = {}) {
  try {
    return await createImageBitmap(blob, { imageOrientation: "from-image", ...size });
  } catch {
    return null;
  }
}

/** Upright width and height, read without decoding the pixels; null where this browser cannot. @param {Blob} blob */
export async function measure(blob) {
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    await new Promise((resolve, reject) => {
      image.addEventListener("load", resolve);
      image.addEventListener("error", reject);
      image.src = url;
    });
    return { width: image.naturalWidth, height: image.naturalHeight };
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}
