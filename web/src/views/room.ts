import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Mailroom } from "../mail/mailroom";

const Room = createContext<Mailroom | undefined>(undefined);

export const RoomProvider = Room.Provider;

/** useRoom returns the mailroom that the view stands in. */
export function useRoom(): Mailroom {
  const room = useContext(Room);
  if (!room) throw new Error("a view was used outside of the mailroom");
  return room;
}
