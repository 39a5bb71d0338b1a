import { filterSeries } from "./orval/luna.js";

declare const process: { env: Record<string, string> };

// Orval's fetch client names no type for a body that may have several formats.
const { data } = await filterSeries(Number(process.env.LUNA_ACCOUNT_ID), { results: [1120, 1160, 963, 1210] }, undefined, {
  headers: { "X-API-Key": process.env.LUNA_API_KEY, "Content-Type": "application/json" },
});
if (typeof data === "object" && "processed_results" in data) console.log(data.processed_results.at(-1));
