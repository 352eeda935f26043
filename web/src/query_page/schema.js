/** The schema, as the server tells everybody. */
import { buildClientSchema } from "graphql";

/** The address asks by a hash the server knows: the browser keeps the answer, and asks if it holds. */
export async function schemaOf(address) {
  const reply = await fetch(address);
  if (!reply.ok) throw new Error(String(reply.status));
  const { data, errors } = await reply.json();
  if (errors) throw new Error(errors[0].message);
  return buildClientSchema(data, { assumeValid: true });
}
