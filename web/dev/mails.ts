/** Made-up mail for the development server: the same every time, large enough to scroll. */

export interface FakeAddress {
  name: string | null;
  email: string;
}

export interface FakeFile {
  blobId: string;
  name: string;
  type: string;
  size: number;
}

export interface FakeMail {
  id: string;
  threadId: string;
  mailboxIds: Set<string>;
  keywords: Set<string>;
  from: FakeAddress[];
  to: FakeAddress[];
  cc: FakeAddress[];
  bcc: FakeAddress[];
  replyTo: FakeAddress[];
  subject: string;
  receivedAt: string;
  sentAt: string;
  messageId: string[];
  inReplyTo: string[];
  references: string[];
  text: string;
  html: string | undefined;
  remote: number;
  files: FakeFile[];
}

export interface FakeMailbox {
  id: string;
  name: string;
  parentId: string | null;
  role: string | null;
  sortOrder: number;
}

export const me: FakeAddress = { name: "Ada Lindqvist", email: "ada@example.org" };

export const mailboxes: FakeMailbox[] = [
  ["inbox", "INBOX", null, "inbox"],
  ["drafts", "Drafts", null, "drafts"],
  ["sent", "Sent", null, "sent"],
  ["archive", "Archive", null, "archive"],
  ["junk", "Junk", null, "junk"],
  ["trash", "Trash", null, "trash"],
  ["projects", "Projects", null, null],
  ["harbour", "Harbour bridge", "projects", null],
  ["survey", "Survey 2026", "harbour", null],
  ["library", "Library", "projects", null],
  ["family", "Family", null, null],
  ["invoices", "Invoices", null, null],
  ["lists", "Mailing lists", null, null],
  ["empty", "Quiet place", null, null],
].map(([id, name, parentId, role], i) => ({
  id: `mb-${id}`,
  name: name ?? "",
  parentId: parentId ? `mb-${parentId}` : null,
  role: role ?? null,
  sortOrder: i,
}));

/** A small generator of numbers (mulberry32), so that every start shows the same mail. */
function numbers(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const people: FakeAddress[] = (
  [
    ["Tomás Herrera", "tomas.herrera@example.com"],
    ["Ingrid Solberg", "ingrid@solberg.example"],
    ["Priya Raman", "priya.raman@example.net"],
    ["Jonas Weber", "j.weber@harbour.example"],
    ["田中 由美", "yumi.tanaka@example.jp"],
    ["Claire Dubois", "claire.dubois@example.fr"],
    ["نور الحسيني", "noor@example.com"],
    ["Oluwaseun Adeyemi", "seun@example.org"],
    ["Marta Kowalska", "marta@kowalska.example"],
    ["Ben Okafor", "ben.okafor@example.com"],
    ["Harbour Weekly", "news@weekly.example"],
    ["Northline Rail", "tickets@northline.example"],
    ["Municipal Library", "desk@library.example"],
    ["Sofia Rossi", "sofia.rossi@example.it"],
    ["דנה לוי", "dana@example.com"],
    ["Lukas Brandt", "lukas@example.de"],
  ] as const
).map(([name, email]) => ({ name, email }));

const topics: readonly (readonly [string, string])[] = [
  [
    "Pier 4: revised load figures",
    "I went through the load tables again and the third span is the one to watch. The figures for wind from the east are a little higher than last year, still within the margin.",
  ],
  [
    "Lunch on Thursday?",
    "There is a new place behind the market hall that does good soup. Half past twelve would suit me; tell me if you would rather go later.",
  ],
  [
    "Your tickets for 14 December",
    "Your seats are reserved. Coach 7, seats 41 and 42, quiet zone. The train leaves from platform 3; please be there a few minutes early.",
  ],
  [
    "Minutes of the survey meeting",
    "Attached are the minutes. Two points are open: the tide gauge, and who tells the fishing club about the closed weeks.",
  ],
  [
    "写真ありがとう",
    "旅行の写真をありがとうございました。とても綺麗ですね。来月またお会いできるのを楽しみにしています。",
  ],
  [
    "Facture de novembre",
    "Veuillez trouver ci-joint la facture du mois de novembre. N'hésitez pas à me contacter pour toute question.",
  ],
  [
    "اجتماع يوم الأحد",
    "هل يناسبك أن نجتمع يوم الأحد في الساعة العاشرة صباحا؟ لدي بعض الأفكار حول المشروع وأود مناقشتها معك.",
  ],
  [
    "Books due next week",
    "Two of the books on your card are due on Monday. You can extend them once from the library's page or at the desk.",
  ],
  [
    "Re-use of the old railings",
    "The smith says that about two thirds can be straightened. He wants to see them before the frost, so this month would be good.",
  ],
  [
    "Harbour Weekly: the cranes come down",
    "After sixty years on the quay the two last steam cranes are moving to the museum. Also this week: a list of winter closures.",
  ],
  [
    "Geburtstag von Oma",
    "Wir feiern am Samstag ab drei. Bringst du den Apfelkuchen mit? Für Kaffee ist gesorgt, und die Kinder freuen sich auf dich.",
  ],
  [
    "Question about the drawings",
    "On sheet 12 the handrail is 980 mm high and on sheet 14 it is 1020. Which one is right? I would go by the second.",
  ],
  [
    "Password list for the office printer",
    "Joke aside: the printer is on the second floor now, and the toner is in the cupboard beside it.",
  ],
  ["שאלה לגבי הפגישה", "האם הפגישה עדיין מתקיימת ביום שלישי? אשמח לקבל את סדר היום מראש אם אפשר."],
  [
    "Choir: programme for the spring",
    "We start with the two short pieces from last year so that the new voices find their way in. Sheet music is in the usual place.",
  ],
  [
    "Preventivo per le finestre",
    "In allegato trova il preventivo per le sei finestre al primo piano. I tempi di consegna sono di circa cinque settimane.",
  ],
];

const replies = [
  "Thanks, that helps. I will look at it tonight and write down what I find.",
  "Agreed. Let us do it that way and tell the others on Friday.",
  "One question: does the second figure include the winter months?",
  "Perfect, see you then!",
  "I have added my notes below. The rest looks right to me.",
];

const types = [
  ["minutes.pdf", "application/pdf", 184_320],
  ["span-3.png", "image/png", 842_110],
  ["figures.ods", "application/vnd.oasis.opendocument.spreadsheet", 42_800],
  ["invitation.ics", "text/calendar", 2_140],
  ["photos.zip", "application/zip", 12_400_000],
  [
    "plan A very long file name that somebody thought was helpful, final, corrected.docx",
    "application/msword",
    96_000,
  ],
] as const;

function newsletter(title: string, text: string): string {
  return `<div style="max-width:600px;margin:0 auto;font-family:Georgia,serif;color:#222">
<div style="background:#12355b;color:#fff;padding:28px 32px;font-size:26px">Harbour Weekly</div>
<div style="padding:24px 32px;line-height:1.6;font-size:16px"><h2 style="font-weight:normal">${title}</h2><p>${text}</p>
<p>${text}</p><table style="width:100%;border-collapse:collapse;font-size:14px"><tr><td style="border-top:1px solid #ccc;padding:8px">Ferry to the island</td><td style="border-top:1px solid #ccc;padding:8px">from 6:30</td></tr><tr><td style="border-top:1px solid #ccc;padding:8px">Quay market</td><td style="border-top:1px solid #ccc;padding:8px">Saturday</td></tr></table>
<p style="color:#777;font-size:13px">You receive this because you asked for it.</p></div></div>`;
}

/** makeMails returns newest first. */
export function makeMails(threads: number, now = Date.now()): FakeMail[] {
  const random = numbers(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T; // the list is not empty
  const out: FakeMail[] = [];
  let serial = 0;
  for (let t = 0; t < threads; t++) {
    const age = t < 14 ? t * 47 * 60_000 + 4 * 60_000 : 14 * 47 * 60_000 + (t - 14) * 3.1 * 3_600_000;
    const [subject, text] = t < topics.length ? (topics[t] ?? pick(topics)) : pick(topics);
    const author = t < people.length ? (people[(t * 5 + 3) % people.length] ?? pick(people)) : pick(people);
    const single = author.email.startsWith("news@");
    const length = single ? 1 : t === 1 ? 9 : random() < 0.3 ? 2 + Math.floor(random() * 4) : 1;
    const others = [author, pick(people), pick(people)];
    const home = pick([
      "mb-inbox",
      "mb-inbox",
      "mb-inbox",
      "mb-inbox",
      "mb-inbox",
      "mb-archive",
      "mb-harbour",
      "mb-survey",
      "mb-lists",
      "mb-family",
      "mb-invoices",
      "mb-junk",
      "mb-trash",
    ]);
    const references: string[] = [];
    for (let m = 0; m < length; m++) {
      const id = `M${(++serial).toString(36).padStart(6, "0")}`;
      const mine = m > 0 && random() < 0.4;
      const from = mine ? me : (others[m % 3] ?? author);
      const at = new Date(now - age - (length - 1 - m) * 2.4 * 3_600_000).toISOString().slice(0, 19) + "Z";
      const html = author.email.startsWith("news@");
      const messageId = `${id}@example.org`;
      const unread = !mine && m === length - 1 && (t < 40 ? random() < 0.45 : random() < 0.04);
      out.push({
        id,
        threadId: `T${t.toString(36).padStart(6, "0")}`,
        mailboxIds: new Set([mine ? "mb-sent" : t < 16 ? "mb-inbox" : home]),
        keywords: new Set([...(unread ? [] : ["$seen"]), ...(random() < 0.06 ? ["$flagged"] : [])]),
        from: [from],
        to: mine ? [author] : [me, ...(random() < 0.4 ? [pick(people)] : [])],
        cc: random() < 0.15 ? [pick(people), pick(people)] : [],
        bcc: [],
        replyTo: [],
        subject: m === 0 ? subject : `Re: ${subject}`,
        receivedAt: at,
        sentAt: at,
        messageId: [messageId],
        inReplyTo: references.slice(-1),
        references: [...references],
        text:
          m === 0 ? `${text}\n\nBest wishes,\n${from.name}` : `${pick(replies)}\n\n${from.name}\n\n> ${text}`,
        html: html ? newsletter(subject, text) : undefined,
        remote: html ? 4 : 0,
        files: [],
      });
      references.push(messageId);
      const mail = out.at(-1);
      if (mail && (t === 3 || random() < 0.14)) {
        const count = t === 3 ? 3 : 1;
        for (let f = 0; f < count; f++) {
          const [name, type, size] = types[(t + f) % types.length] ?? types[0];
          mail.files.push({ blobId: `B${id}-${f}`, name, type, size });
        }
      }
    }
  }
  return out.sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1));
}
