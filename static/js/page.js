// Pages that do not live: their times become local, and they are not shown to anybody else.
import "./person.js";
import { localTimes } from "./times.js";

localTimes(document);
