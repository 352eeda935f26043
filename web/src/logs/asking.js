/** What a log is asked: the documents of the page, by GET. */

export class Unread extends Error {}

async function asked(name, variables, signal) {
  const query = encodeURIComponent(JSON.stringify(variables));
  const reply = await fetch(`${document.body.dataset.root}documents/${name}?variables=${query}`, { signal });
  if (!reply.ok) throw new Unread(await reply.text());
  return (await reply.json()).run;
}

/** A page of lines, and how many lines the log has. */
export async function lines(variables, signal) {
  const run = await asked("log_lines", variables, signal);
  if (!run?.log) throw new Unread("404");
  const { lines, pageInfo } = run.log.logLines;
  return { total: Number(run.log.lines), lines, ...pageInfo };
}

export async function matches(variables, signal) {
  return (await asked("log_matches", variables, signal)).searchLogs;
}
