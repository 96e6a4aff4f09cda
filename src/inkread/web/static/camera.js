/** The camera dialog, with a file input as fallback if there is no camera or it is not allowed. */

const WHY_NOT = {
  NotAllowedError: "The browser does not allow this page to use the camera. You can allow it next to the page's address.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "Another program is using the camera. Close it and try again.",
};
const INSECURE = "Browsers only allow the camera on pages from this computer or with https.";
const OTHERWISE = "The camera did not start.";

/** Set up the dialog. `take(files)` receives the photo. */
export function startCamera(take) {
  const find = (id) => document.getElementById(id);
  const [dialog, video, shoot, other] = ["camera", "video", "shoot", "switch"].map(find);
  const message = find("camera-message");
  let stream = null;
  let shots = 0;

  function stop() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = null;
  }

  async function start(which) {
    stop();
    find("fallback").hidden = shoot.disabled = true;
    shoot.hidden = false;
    message.textContent = "Waiting for the camera…";
    try {
      if (!navigator.mediaDevices) throw new Error(INSECURE);
      const opened = await navigator.mediaDevices.getUserMedia({ video: { ...which, width: { ideal: 1920 }, height: { ideal: 1440 } } });
      await shown(opened);
    } catch (error) {
      stop();
      message.textContent = error.message === INSECURE ? INSECURE : WHY_NOT[error.name] ?? OTHERWISE;
      find("fallback").hidden = false;
      shoot.hidden = other.hidden = true;
    }
  }

  async function shown(opened) {
    // The dialog may have been closed in the meantime.
    if (!dialog.open) return opened.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = opened;
    await video.play();
    message.textContent = "";
    shoot.disabled = false;
    other.hidden = (await cameras()).length < 2;
  }

  async function switchOver() {
    const ids = (await cameras()).map(({ deviceId }) => deviceId);
    const now = ids.indexOf(stream?.getVideoTracks()[0].getSettings().deviceId);
    await start({ deviceId: { exact: ids[(now + 1) % ids.length] } });
  }

  async function photograph() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    const photo = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
    hand([new File([photo], `photo-${++shots}.jpg`, { type: photo.type })]);
  }

  function hand(photos) {
    dialog.close();
    if (photos.length) take(photos);
  }

  find("photograph").addEventListener("click", () => {
    dialog.showModal();
    // Paper is usually in front of the back camera.
    start({ facingMode: { ideal: "environment" } });
  });
  find("camera-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
  shoot.addEventListener("click", photograph);
  other.addEventListener("click", switchOver);
  find("capture").addEventListener("change", ({ target }) => {
    hand([...target.files]);
    target.value = "";
  });
}

async function cameras() {
  return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
}
