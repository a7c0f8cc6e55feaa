// What is kept in the browser; without storage, for as long as the page lives.

const held = new Map();

export function load(key, otherwise) {
  try {
    const text = localStorage.getItem(`millrace.${key}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return held.has(key) ? held.get(key) : otherwise;
  }
}

export function store(key, value) {
  held.set(key, value);
  try {
    localStorage.setItem(`millrace.${key}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** Hands a text to the browser as a file. */
export function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
