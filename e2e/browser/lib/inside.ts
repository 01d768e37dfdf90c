/**
 * Functions that run inside of the page, signed in as its person, and ask JMAP what a page cannot show.
 * Each is sent to the browser as text: it leans on nothing outside of itself.
 */

export interface MessagePlace {
  /** The row's position, from 1, and the mail that its link opens. */
  readonly position: number;
  readonly email: string;
  readonly mails: number;
  readonly conversations: number;
}

/** isIndexed is true when lists can be kept up by changes, which needs the whole index (RFC 8620, section 5.6). */
export async function isIndexed(): Promise<boolean> {
  const { primaryAccounts } = (await (await fetch("/jmap/session")).json()) as {
    primaryAccounts: Record<string, string>;
  };
  const accountId = primaryAccounts["urn:ietf:params:jmap:mail"];
  const response = await fetch("/jmap/api", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      using: ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
      methodCalls: [
        ["Email/query", { accountId, limit: 1, sort: [{ property: "receivedAt", isAscending: false }] }, "q"],
      ],
    }),
  });
  const { methodResponses } = (await response.json()) as {
    methodResponses: [string, { canCalculateChanges?: boolean }, string][];
  };
  return methodResponses[0]?.[1].canCalculateChanges === true;
}

/** placeOf finds the row of the n-th newest mail of a mailbox. */
export async function placeOf({ n, mailbox }: { n: number; mailbox: string }): Promise<MessagePlace> {
  interface Answer {
    total: number;
    position: number;
    ids: string[];
    list: {
      threadId: string;
      emailIds: string[];
      id: string;
      mailboxIds: Record<string, true>;
      receivedAt: string;
    }[];
  }
  const { primaryAccounts } = (await (await fetch("/jmap/session")).json()) as {
    primaryAccounts: Record<string, string>;
  };
  const accountId = primaryAccounts["urn:ietf:params:jmap:mail"];
  const ask = async (...calls: [string, object][]): Promise<Answer[]> => {
    const response = await fetch("/jmap/api", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        using: ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
        methodCalls: calls.map(([name, args], i) => [name, { accountId, ...args }, String(i)]),
      }),
    });
    const { methodResponses } = (await response.json()) as { methodResponses: [string, Answer, string][] };
    return methodResponses.map(([name, answer]) => {
      if (name === "error") throw new Error(JSON.stringify(answer));
      return answer;
    });
  };
  const ref = (resultOf: string, name: string, path: string) => ({ resultOf, name, path });
  const query = {
    filter: { inMailbox: mailbox },
    sort: [{ property: "receivedAt", isAscending: false }],
    calculateTotal: true,
  };
  const [single, , , members] = await ask(
    ["Email/query", { ...query, position: n - 1, limit: 1 }],
    ["Email/get", { "#ids": ref("0", "Email/query", "/ids"), properties: ["threadId"] }],
    ["Thread/get", { "#ids": ref("1", "Email/get", "/list/*/threadId") }],
    [
      "Email/get",
      { "#ids": ref("2", "Thread/get", "/list/*/emailIds"), properties: ["mailboxIds", "receivedAt"] },
    ],
  );
  // The row stands where its newest mail stands.
  const ids = new Set((members?.list ?? []).filter((e) => e.mailboxIds[mailbox]).map((e) => e.id));
  for (let position = 0; ; position += 500) {
    const [rows] = await ask(["Email/query", { ...query, collapseThreads: true, position, limit: 500 }]);
    const at = (rows?.ids ?? []).findIndex((id) => ids.has(id));
    if (at >= 0 && rows)
      return {
        position: position + at + 1,
        email: rows.ids[at] ?? "",
        mails: single?.total ?? 0,
        conversations: rows.total,
      };
    if (!rows || rows.ids.length === 0) throw new Error(`no row has message ${n}`);
  }
}

/** hasText is true for a mail with a text part that is not empty. */
export async function hasText(id: string): Promise<boolean> {
  const { primaryAccounts } = (await (await fetch("/jmap/session")).json()) as {
    primaryAccounts: Record<string, string>;
  };
  const accountId = primaryAccounts["urn:ietf:params:jmap:mail"];
  const response = await fetch("/jmap/api", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      using: ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
      methodCalls: [
        [
          "Email/get",
          { accountId, ids: [id], properties: ["textBody", "bodyValues"], fetchTextBodyValues: true },
          "0",
        ],
      ],
    }),
  });
  const { methodResponses } = (await response.json()) as {
    methodResponses: [string, { list: { bodyValues: Record<string, { value: string }> }[] }, string][];
  };
  const values = methodResponses[0]?.[1].list[0]?.bodyValues ?? {};
  return Object.values(values).some((v) => v.value.trim() !== "");
}
