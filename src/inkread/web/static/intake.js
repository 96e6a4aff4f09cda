/** Takes in pictures that are chosen, or dropped or pasted anywhere on the page. */

const NOT_DROPPED = {
  text: "That was text. Drop a picture file instead.",
  link: "That was a link, and inkread downloads nothing. Save the picture and drop the file here.",
  folder: "Folders cannot be opened. Choose the pictures in it instead; you can select all of them at once.",
};

/** Set up the inputs. `take(files)` receives pictures, `refuse(sentence)` a message about anything else. */
export function startIntake(take, refuse) {
  const files = document.getElementById("files");
  document.getElementById("choose").addEventListener("click", () => files.click());
  files.addEventListener("change", () => {
    take([...files.files]);
    // Without this, the same file could not be chosen again.
    files.value = "";
  });
  startDrop(take, refuse);
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) take([...event.clipboardData.files]);
    else refuse("There is no picture on the clipboard. Copy one and paste it here.");
  });
}

function startDrop(take, refuse) {
  const dropping = (now) => document.documentElement.classList.toggle("dropping", now);
  document.addEventListener("dragover", (event) => {
    // By default the browser would leave the page and open the file.
    event.preventDefault();
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

/** Return the files of a drop, and whether it contains folders, which look like empty files. */
function sorted(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory ?? false;
  const folders = items.filter(isFolder);
  return { pictures: items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile()), folder: folders.length > 0 };
}
