//# allFunctionsCalledOnLoad
// What a tab remembers over a reload, in sessionStorage: settings only, no text of a note.

/** @returns {string | null} null: nothing was remembered, or storage is switched off */
export function remembered(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Where storage is switched off it lasts as long as the page. */
export function remember(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // as said
  }
}
