package keysync;

import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.time.Instant;
import java.util.List;

/** The sender's public keys: fixed ones, or a {@link KeySet}. */
public abstract sealed class Keys permits KeySet, Keys.Fixed {
    /** The keys. */
    abstract List<PublicKey> current(Instant now) throws Rejected;

    /** Keys that are newer than the known ones, after another fetch if one is due. */
    abstract List<PublicKey> newer(Instant now, List<PublicKey> known);

    /** Configured keys ({@code whpk_…}); configure both during a key rotation. Throws {@link InvalidKey}. */
    public static Keys of(List<String> keys) {
        return new Fixed(PublicKeys.parse(keys));
    }

    /** The keys of a key set that you fetched yourself. A {@link KeySet} follows a published one. */
    public static Keys fromJwks(byte[] document) {
        return new Fixed(PublicKeys.parseKeySet(document));
    }

    /** The keys of a key set that you fetched yourself. */
    public static Keys fromJwks(String document) {
        return fromJwks(document.getBytes(StandardCharsets.UTF_8));
    }

    /** Keys that do not change. */
    static final class Fixed extends Keys {
        private final List<PublicKey> keys;

        Fixed(List<PublicKey> keys) {
            this.keys = keys;
        }

        @Override
        List<PublicKey> current(Instant now) {
            return keys;
        }

        @Override
        List<PublicKey> newer(Instant now, List<PublicKey> known) {
            return List.of();
        }
    }
}
