const output = { target: "./orval/luna.ts", client: "fetch", mode: "single", baseUrl: process.env.LUNA_URL };

module.exports = { luna: { input: "./openapi.json", output } };
