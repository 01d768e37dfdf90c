import { defineConfig } from "@playwright/test";
import { stack } from "./lib/stack";

const asRoot = process.getuid?.() === 0;

export default defineConfig({
  outputDir: "test-results",
  // The people of the stack are shared, and two cores are all there is.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list", { printSteps: false }]],
  projects: ["demo", "mail", "many", "hostile", "shots"].map((name) => ({
    name,
    testMatch: `specs/${name}.spec.ts`,
  })),
  use: {
    baseURL: stack.url,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    viewport: { width: 1280, height: 860 },
    actionTimeout: 10_000,
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        ...(asRoot ? ["--no-sandbox"] : []),
        // Trusts this one certificate, so that caches and secure contexts work as they do for people.
        ...(stack.spki ? [`--ignore-certificate-errors-spki-list=${stack.spki}`] : []),
      ],
    },
  },
});
