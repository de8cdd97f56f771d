package keysync

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// InvalidKey is the error of a configured key that is missing, malformed, unsafe or private. Its
// message does not repeat the value, because it may be a secret pasted by mistake.
type InvalidKey struct {
	// Code is short and stable.
	Code string
	// Place is the position of the key in the list, from 1; 0 if no single key is invalid.
	Place   int
	message string
}

func (e *InvalidKey) Error() string { return e.message }

// publicKeys parses each `whpk_…`.
func publicKeys(values []string) ([]ed25519.PublicKey, error) {
	var found []ed25519.PublicKey
	for index, value := range values {
		value = strings.Trim(value, " \t\r\n\f")
		if strings.HasPrefix(value, "whsk_") {
			return nil, privateKey(index + 1)
		}
		var raw []byte
		if strings.HasPrefix(value, "whpk_") {
			raw = fromBase64(base64.StdEncoding, value[len("whpk_"):])
		}
		key, err := checkedKey(raw, index+1)
		if err != nil {
			return nil, err
		}
		found = append(found, key)
	}
	return atLeastOne(found)
}

// jwk has the relevant fields of a key.
type jwk struct {
	kty, x                 string
	isOurs, hasPrivatePart bool
}

// parseKeySet parses the Ed25519 signature keys of a key set (RFC 7517, and RFC 8037, section 2).
func parseKeySet(document []byte) ([]ed25519.PublicKey, error) {
	keys, err := jwks(document)
	if err != nil {
		return nil, &InvalidKey{Code: "no-key-set", message: "the document is not a key set (RFC 7517), which is a JSON object with a list " +
			"`keys`: fetch the sender's `/.well-known/jwks.json`, and check that the status of the response is 200"}
	}
	var found []ed25519.PublicKey
	for index, key := range keys {
		if !key.isOurs {
			continue
		}
		if key.hasPrivatePart {
			return nil, privateKey(index + 1)
		}
		checked, err := checkedKey(fromBase64(base64.RawURLEncoding, key.x), index+1)
		if err != nil {
			return nil, err
		}
		found = append(found, checked)
	}
	return atLeastOne(found)
}

func jwks(document []byte) ([]jwk, error) {
	value, err := parseJSON(document)
	if err != nil {
		return nil, err
	}
	set, err := asObject(value)
	if err != nil {
		return nil, err
	}
	list, isList := set["keys"].(array)
	if !isList {
		return nil, errors.New("`keys` must be a list")
	}
	var keys []jwk
	for _, value := range list {
		fields, err := asObject(value)
		if err != nil {
			return nil, err
		}
		key, err := readJWK(fields)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func readJWK(fields object) (jwk, error) {
	kty, err := fields.text("kty")
	if err != nil {
		return jwk{}, err
	}
	optional := map[string]string{}
	for _, name := range []string{"crv", "use", "x"} {
		if fields[name] == nil {
			continue
		}
		if optional[name], err = fields.text(name); err != nil {
			return jwk{}, err
		}
	}
	if fields["d"] == (duplicate{}) {
		return jwk{}, errors.New("`d` is a duplicate field")
	}
	use, hasUse := optional["use"]
	isOurs := kty == "OKP" && optional["crv"] == "Ed25519" && (!hasUse || use == "sig")
	return jwk{kty: kty, x: optional["x"], isOurs: isOurs, hasPrivatePart: fields["d"] != nil}, nil
}

func atLeastOne(keys []ed25519.PublicKey) ([]ed25519.PublicKey, error) {
	if len(keys) == 0 {
		return nil, &InvalidKey{Code: "none", message: "no public key is given: ask the operator of keysync for it (`whpk_…`)"}
	}
	return keys, nil
}

func privateKey(place int) error {
	return &InvalidKey{Code: "private", Place: place, message: fmt.Sprintf("public key %d is a private key, which only the sender may "+
		"have: configure the public key (`whpk_…`), and report the leaked private key to the operator of keysync", place)}
}

// fromBase64 decodes canonical base64, or returns nil. Go's decoder also accepts line ends.
func fromBase64(encoding *base64.Encoding, encoded string) []byte {
	raw, err := encoding.DecodeString(encoded)
	if err != nil || encoding.EncodeToString(raw) != encoded {
		return nil
	}
	return raw
}

func checkedKey(raw []byte, place int) (ed25519.PublicKey, error) {
	if len(raw) != ed25519.PublicKeySize {
		return nil, &InvalidKey{Code: "malformed", Place: place, message: fmt.Sprintf("public key %d must be a 32-byte Ed25519 public key: "+
			"`whpk_` followed by base64, or, in a key set, `x` in base64url", place)}
	}
	if !isSafe(raw) {
		return nil, &InvalidKey{Code: "unsafe", Place: place, message: fmt.Sprintf("public key %d is not a safe Ed25519 public key, which is a "+
			"point of prime order in canonical encoding: ask the operator of keysync for the correct key", place)}
	}
	return raw, nil
}

// The curve of Ed25519 (RFC 8032, section 5.1): the prime of its field, the order of its base point,
// and its constant.
var (
	one        = big.NewInt(1)
	prime      = new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	order, _   = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	coordinate = multiply(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), prime))
)

// isSafe reports whether a key is a canonically encoded point of prime order. Anyone can sign for a
// point of small order, and implementations differ for a point of mixed order.
func isSafe(raw []byte) bool {
	reversed := make([]byte, len(raw))
	for index, value := range raw {
		reversed[len(raw)-1-index] = value
	}
	sign := uint(reversed[0] >> 7)
	reversed[0] &= 0x7f
	y := new(big.Int).SetBytes(reversed)
	if y.Cmp(prime) >= 0 {
		return false // a non-canonical encoding
	}
	// x² = (y² - 1) / (d y² + 1)
	ySquare := multiply(y, y)
	divisor := new(big.Int).ModInverse(new(big.Int).Add(multiply(coordinate, ySquare), one), prime)
	x := new(big.Int).ModSqrt(multiply(new(big.Int).Sub(ySquare, one), divisor), prime)
	if x == nil || x.Sign() == 0 {
		return false // not on the curve, or of order 1 or 2
	}
	if x.Bit(0) != sign {
		x.Sub(prime, x)
	}
	// Prime order: `order` times the point is the neutral element.
	point := [4]*big.Int{x, y, one, multiply(x, y)}
	total := [4]*big.Int{new(big.Int), one, one, new(big.Int)}
	for bit := order.BitLen() - 1; bit >= 0; bit-- {
		total = add(total, total)
		if order.Bit(bit) == 1 {
			total = add(total, point)
		}
	}
	return total[0].Sign() == 0 && total[1].Cmp(total[2]) == 0
}

// add returns the sum of two points in extended coordinates (X, Y, Z, T), where x = X/Z, y = Y/Z and
// T = XY/Z.
func add(p, q [4]*big.Int) [4]*big.Int {
	sum := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	difference := func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
	minus := multiply(difference(p[1], p[0]), difference(q[1], q[0]))
	plus := multiply(sum(p[1], p[0]), sum(q[1], q[0]))
	product := multiply(multiply(p[3], q[3]), sum(coordinate, coordinate))
	twice := multiply(sum(p[2], p[2]), q[2])
	e, f, g, h := difference(plus, minus), difference(twice, product), sum(twice, product), sum(plus, minus)
	return [4]*big.Int{multiply(e, f), multiply(g, h), multiply(f, g), multiply(e, h)}
}

func multiply(a, b *big.Int) *big.Int {
	product := new(big.Int).Mul(a, b)
	return product.Mod(product, prime)
}
