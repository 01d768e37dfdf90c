/** Appearance: follows the system unless the person says otherwise; the choice stays in this browser. */
import { effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

const KEY = "theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "auto";
  } catch {
    return "auto"; // storage may be switched off
  }
}

export const theme = signal<Theme>(stored());

export function applyTheme(): void {
  effect(() => {
    const root = document.documentElement;
    if (theme.value === "auto") delete root.dataset["theme"];
    else root.dataset["theme"] = theme.value;
    try {
      if (theme.value === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme.value);
    } catch {
      // kept for this page alone
    }
  });
}

export function toggleTheme(): void {
  const dark =
    theme.peek() === "dark" ||
    (theme.peek() === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  theme.value = dark ? "light" : "dark";
}
