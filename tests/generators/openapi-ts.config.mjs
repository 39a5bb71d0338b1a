export default {
  input: "openapi.json",
  output: { path: "hey-api", importFileExtension: ".js" },
  logs: { file: false },
  plugins: ["@hey-api/client-fetch", "@hey-api/sdk", "@hey-api/typescript"],
};
