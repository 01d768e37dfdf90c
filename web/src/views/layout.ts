/** What fits: read from the window, so that views and actions agree with the style sheet's breakpoints. */
import { computed, signal } from "@preact/signals";

/** Below: one pane at a time. The same number stands in shell.css. */
const ONE_PANE = "(max-width: 759px)";
/** Below: the folders are a drawer. */
const DRAWER = "(max-width: 1099px)";

function media(query: string) {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener("change", () => (matches.value = list.matches));
  return matches;
}

export const onePane = media(ONE_PANE);
const drawerFits = media(DRAWER);

export const drawerOpen = signal(false);
export const hasDrawer = computed(() => drawerFits.value);
