/* How the labs' scripts are linted. What is defined, and what is used, the types say. */
const { configs } = require("@eslint/js");

module.exports = [
  configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "script" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "off",
      "no-unused-vars": "off",
      eqeqeq: "error",
      "no-implicit-coercion": ["error", { disallowTemplateShorthand: false }],
      "no-shadow": "error",
      "no-var": "error",
      "prefer-const": "error",
      "require-atomic-updates": "off",
    },
  },
  { files: ["worker.js", "lab-notebook.js", "player-notebook.js"], languageOptions: { sourceType: "module" } },
];
