// What a receiver of keysync's callbacks needs: verification, duplicates, order, the sender's
// public key set, and acknowledgements.
//
// Copy this folder. It needs WebCrypto with Ed25519 and `fetch` (Node 20 or later), and no
// packages.

export { acknowledge } from './acknowledge.mjs';
export { KEY_STATES } from './event.mjs';
export { KeySet, MAX_KEY_SET } from './key_set.mjs';
export { Latest, ReplayGuard } from './order.mjs';
export { InvalidKey } from './public_key.mjs';
export { Rejected } from './rejected.mjs';
export { MAX_DEPTH } from './strict_json.mjs';
export { DEFAULT_TOLERANCE, MAX_BODY, MAX_HEADER, Verifier } from './verifier.mjs';
