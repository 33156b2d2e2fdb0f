/** The access token: asked for where the service wants one. Files that come before it wait here. */

import { hasToken, useToken } from "./api.js";
import { count } from "./panel.js";
import { say, showNotice } from "./surroundings.js";

const $ = (id) => document.getElementById(id);

export class TokenForm {
  /** @type {File[]} */
  #waiting = [];
  /** @type {HTMLElement | null} what is said of the token that was sent last */
  #notice = null;

  /** @param {{onGiven: (files: File[]) => void}} listener is given what waited, to be tried with the token */
  constructor({ onGiven }) {
    $("token").addEventListener("submit", (event) => {
      event.preventDefault();
      useToken($("token-word").value);
      this.close();
      onGiven(this.#waiting.splice(0));
    });
  }

  get isOpen() {
    return !$("token").hidden;
  }

  /** Ask for a token; if one was sent, say that it was not taken. */
  open() {
    if (hasToken() && !this.isOpen) {
      this.#notice = showNotice("The access token was not accepted.", "Check it, and try again.");
    }
    $("token").hidden = false;
    $("token-word").focus();
    $("token-word").select();
  }

  /** It is there, or on its way. */
  close() {
    $("token").hidden = true;
    this.#notice?.remove();
  }

  /** @param {File[]} files */
  keep(files) {
    this.#waiting.push(...files);
    if (files.length > 0) say(`${count(this.#waiting.length, "image")} will be taken once the access token is given.`);
  }
}
