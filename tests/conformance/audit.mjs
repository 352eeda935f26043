// node audit.mjs URL TOKEN: run the audits of GraphQL over HTTP; print one JSON object of outcomes.
import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);
const outcomes = {};
const fetchFn = (address, options = {}) =>
  fetch(address, {
    ...options,
    headers: { ...options.headers, authorization: `Bearer ${token}` },
  });
for (const audit of serverAudits({ url, fetchFn })) {
  const outcome = await audit.fn();
  outcomes[`${audit.id} ${audit.name}`] =
    outcome.status === "ok" ? "ok" : `${outcome.status}: ${outcome.reason}`;
}
console.log(JSON.stringify(outcomes));
