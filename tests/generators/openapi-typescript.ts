import createClient from "openapi-fetch";
import type { paths } from "./openapi-typescript/luna.js";

declare const process: { env: Record<string, string> };
const client = createClient<paths>({ baseUrl: process.env.LUNA_URL, headers: { "X-API-Key": process.env.LUNA_API_KEY } });

const { data } = await client.POST("/api/v1/{account_id}/kalman", {
  params: { path: { account_id: Number(process.env.LUNA_ACCOUNT_ID) } },
  body: { results: [1120, 1160, 963, 1210] },
});
if (typeof data === "object") console.log(data.processed_results.at(-1)); // text is of another format
