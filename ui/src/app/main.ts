import { start } from "../mount";
import { TauriBackend } from "./backend";

start(new TauriBackend());
