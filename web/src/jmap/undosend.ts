/** For how long the person can take a sent mail back, of the vendor capability. */
import { type Decoder, num, object, orElse } from "../base/decode";
import { COFFERDAM, type Method } from "./call";
import type { AccountId } from "./id";

export interface UndoSend {
  /** Seconds that the person chose; -1: none yet. */
  readonly seconds: number;
  /** The operator's choice for those who did not choose. */
  readonly default: number;
  readonly most: number;
}

export const undoSend: Decoder<UndoSend> = object<UndoSend>({
  seconds: orElse(num, -1),
  default: orElse(num, 0),
  most: orElse(num, 0),
});

/** undoSendSet has the server keep the person's choice, for all their browsers. */
export function undoSendSet(accountId: AccountId, seconds: number): Method<object> {
  return { name: "UndoSend/set", args: { accountId, seconds }, using: [COFFERDAM], decode: object({}) };
}
