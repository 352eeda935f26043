/** What a log is asked. */
import { ask, Refusal } from "../asking.js";
import { word } from "../words.js";

/** A page of lines, and how many lines the log has. */
export async function lines(variables, signal) {
  const { run } = await ask("log_lines", variables, signal);
  if (!run?.log) throw new Refusal(word("logs.gone"));
  const { lines, pageInfo } = run.log.logLines;
  return { total: Number(run.log.lines), lines, ...pageInfo };
}

export async function matches(variables, signal) {
  return (await ask("log_matches", variables, signal)).run.searchLogs;
}
