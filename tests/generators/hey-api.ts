import { createClient } from "./hey-api/client/index.js";
import { filterSeries } from "./hey-api/sdk.gen.js";

declare const process: { env: Record<string, string> };
// Asked for each way to send the key, and the service takes one of them.
const client = createClient({ baseUrl: process.env.LUNA_URL, auth: ({ name }) => (name === "X-API-Key" ? process.env.LUNA_API_KEY : undefined) });

const { data } = await filterSeries({
  client,
  path: { account_id: Number(process.env.LUNA_ACCOUNT_ID) },
  body: { results: [1120, 1160, 963, 1210] },
});
console.log(data?.processed_results.at(-1));
