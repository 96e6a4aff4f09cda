/** Groups of buttons with a roving tabindex: one stop of the Tab key, and arrow keys move between the buttons. */

const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/** Let arrows, Home and End move through the buttons of `group`. With `choose`, each button is clicked when reached. */
export function startRoving(group, { choose = true } = {}) {
  group.addEventListener("keydown", (event) => {
    const buttons = [...group.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const last = buttons.length - 1;
    const to = { Home: 0, End: last }[event.key] ?? at + STEPS[event.key];
    if (at < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    const button = buttons[Math.min(last, Math.max(0, to))];
    button.focus();
    if (choose) button.click();
    else rest(buttons, buttons.indexOf(button));
  });
}

/** Make one button of a group the stop of the Tab key. */
export function rest(buttons, index) {
  buttons.forEach((button, at) => (button.tabIndex = at === index ? 0 : -1));
}
