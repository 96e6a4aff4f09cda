/** Where pictures come in: chosen, dropped or pasted anywhere on the page. */

const NOT_DROPPED = {
  text: "That was text. Pictures can be dropped here as files.",
  link: "That was a link, and inkread fetches nothing from the net. Save the picture, then drop it here.",
  folder: "Folders are not opened. Choose the pictures in it, all at once if you like.",
};

/** Start all ways in; `take(files)` gets pictures, `refuse(sentence)` is told of what is none. */
export function startIntake(take, refuse) {
  const files = document.getElementById("files");
  document.getElementById("choose").addEventListener("click", () => files.click());
  files.addEventListener("change", () => {
    take([...files.files]);
    files.value = ""; // so that the same file can be chosen again
  });
  startDrop(take, refuse);
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) take([...event.clipboardData.files]);
    else refuse("There is no picture on the clipboard. Copy one, and paste it here.");
  });
}

function startDrop(take, refuse) {
  const dropping = (now) => document.documentElement.classList.toggle("dropping", now);
  document.addEventListener("dragover", (event) => {
    event.preventDefault(); // or the browser would leave the page and open the file itself
    event.dataTransfer.dropEffect = "copy";
    dropping(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) dropping(false);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    dropping(false);
    const { pictures, folder } = sorted(event.dataTransfer);
    if (pictures.length) take(pictures);
    if (folder) refuse(NOT_DROPPED.folder);
    else if (!pictures.length) refuse(NOT_DROPPED[event.dataTransfer.types.includes("text/uri-list") ? "link" : "text"]);
  });
}

/** Return the files of a drop, and whether there were folders among them, which look like files of no content. */
function sorted(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory ?? false;
  const folders = items.filter(isFolder);
  return { pictures: items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile()), folder: folders.length > 0 };
}
