/** Tabs with the ARIA pattern: arrow keys choose a tab, and only the chosen tab is a stop of the Tab key. */

/** Set up the tabs of a list, and return a function that opens a tab by the id of its panel. */
export function startTabs(list) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const shown = () => tabs.filter(({ hidden }) => !hidden);
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

  function choose(chosen) {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      panelOf(tab).hidden = tab !== chosen;
    }
    // A reload or a shared address opens the same panel. The back button leaves the page.
    history.replaceState(null, "", `#${panelOf(chosen).id}`);
  }

  function open(id) {
    const tab = tabs.find((tab) => panelOf(tab).id === id);
    if (tab) choose(tab);
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = shown().indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = shown().at(to % shown().length);
    tab.focus();
    choose(tab);
  });
  window.addEventListener("hashchange", () => open(location.hash.slice(1)));
  open(location.hash.slice(1));
  return open;
}
