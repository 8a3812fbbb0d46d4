import { start } from "../mount";
import { GuestBackend } from "./backend";

start(new GuestBackend());
