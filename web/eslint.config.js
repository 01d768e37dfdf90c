import tseslint from "typescript-eslint";
import { floors } from "./tools/floors.mjs";

export default tseslint.config(
  { ignores: ["dist", "shots", "node_modules"] },
  ...tseslint.configs.recommendedTypeChecked.map((c) => ({ ...c, files: ["**/*.{ts,tsx}"] })),
  {
    files: ["**/*.{ts,tsx}"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { house: { rules: { floors } } },
    rules: {
      "house/floors": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true } }],
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc"].map((property) => ({
          property,
          message: "The app never builds HTML from strings (Trusted Types would refuse it).",
        })),
        {
          object: "window",
          property: "sessionStorage",
          message: "Mail content is never stored in the page.",
        },
        { object: "document", property: "cookie", message: "The session cookie is not the page's business." },
      ],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "The app never builds HTML from strings.",
        },
        {
          selector: "JSXAttribute[name.name='style'][value.type='Literal']",
          message: "A style string breaks style-src 'self'; use a class or a style object.",
        },
      ],
    },
  },
  { files: ["vite.config.ts"], rules: { "no-restricted-exports": "off" } },
  { files: ["**/*.test.ts"], rules: { "@typescript-eslint/no-floating-promises": "off" } },
);
