/** Icons, inline, from one set (Lucide, ISC licence); only those named here reach the bundle. */
import {
  Archive,
  ArrowLeft,
  Bookmark,
  Check,
  ChevronDown,
  ChevronRight,
  ChevronUp,
  CircleAlert,
  File,
  FilePen,
  FileText,
  Folder,
  FolderInput,
  Forward,
  Image,
  ImageOff,
  Inbox,
  Keyboard,
  LogOut,
  Mail,
  MailOpen,
  Maximize2,
  Menu,
  Minimize2,
  Minus,
  Monitor,
  MonitorSmartphone,
  Moon,
  Paperclip,
  PenLine,
  Reply,
  ReplyAll,
  Search,
  SendHorizontal,
  ShieldAlert,
  Star,
  Sun,
  Trash2,
  WifiOff,
  X,
  Eye,
  EyeOff,
} from "lucide";
import { h } from "preact";

const icons = {
  alert: CircleAlert,
  archive: Archive,
  attach: Paperclip,
  back: ArrowLeft,
  bookmark: Bookmark,
  check: Check,
  close: X,
  compose: PenLine,
  dark: Moon,
  down: ChevronDown,
  drafts: FilePen,
  enlarge: Maximize2,
  eye: Eye,
  eyeOff: EyeOff,
  file: File,
  folder: Folder,
  forward: Forward,
  image: Image,
  imageOff: ImageOff,
  inbox: Inbox,
  keyboard: Keyboard,
  light: Sun,
  menu: Menu,
  minimise: Minus,
  move: FolderInput,
  offline: WifiOff,
  read: MailOpen,
  reply: Reply,
  replyAll: ReplyAll,
  right: ChevronRight,
  search: Search,
  send: SendHorizontal,
  sessions: MonitorSmartphone,
  shrink: Minimize2,
  signOut: LogOut,
  spam: ShieldAlert,
  star: Star,
  system: Monitor,
  text: FileText,
  trash: Trash2,
  unread: Mail,
  up: ChevronUp,
} as const;

export type IconName = keyof typeof icons;

/** Icons that point along the line of text, and so turn with its direction. */
const directed = new Set<IconName>(["back", "forward", "reply", "replyAll", "right", "send"]);

/** Icon is decoration; its button carries the name. */
export function Icon({ name, size = 20 }: { readonly name: IconName; readonly size?: 16 | 20 | 24 }) {
  return h(
    "svg",
    {
      class: directed.has(name) ? "icon icon-directed" : "icon",
      width: size,
      height: size,
      viewBox: "0 0 24 24",
      "aria-hidden": true,
    },
    icons[name].map(([tag, attributes]) => h(tag, attributes)),
  );
}

/** fileIcon is the picture for a media type. */
export function fileIcon(type: string): IconName {
  if (type.startsWith("image/")) return "image";
  if (type.startsWith("text/") || type === "application/pdf") return "text";
  return "file";
}
