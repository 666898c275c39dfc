// Pages that do not live: only their times become local.
import { localTimes } from "./times.js";

localTimes(document);
