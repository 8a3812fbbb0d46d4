/** What a source of pictures is called. */
import type { SourceKind } from "../contract/SourceKind";
import type { SourceView } from "../contract/SourceView";
import { t } from "../text";

/** Whether the desktop asks, or has asked, what it is: then Ahoy knows neither its name nor how it looks. */
export const isAsked = (kind: SourceKind): kind is "asked" | "again" => kind === "asked" || kind === "again";

export const sourceName = ({ kind, name }: SourceView): string => (isAsked(kind) ? t(`share.source.${kind}`) : name || t("share.source.unnamed"));
