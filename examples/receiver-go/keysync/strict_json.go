package keysync

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is the maximum number of levels of arrays and objects in JSON.
const MaxDepth = 32

// Values of parsed JSON. `encoding/json` keeps the last of duplicate fields, and replaces invalid
// UTF-8 and unpaired surrogates.
type (
	object map[string]any // also a `duplicate`
	array  []any
	number string // as written
	// broken is a string with an unpaired surrogate.
	broken    struct{}
	duplicate struct{}
)

// brokenNames is the field that stands for names with an unpaired surrogate. It is not valid UTF-8.
const brokenNames = "\xff"

var errNotAnObject = errors.New("it must be a JSON object")

// parseJSON parses strict JSON (RFC 8259).
func parseJSON(document []byte) (any, error) {
	if !utf8.Valid(document) {
		return nil, errors.New("it must be UTF-8")
	}
	parser := parser{rest: document}
	value, err := parser.value(0)
	if err != nil {
		return nil, err
	}
	if parser.peek(); len(parser.rest) > 0 {
		return nil, parser.expected("the end")
	}
	return value, nil
}

type parser struct{ rest []byte }

func (p *parser) expected(what string) error {
	return fmt.Errorf("expected %s, %d bytes before the end", what, len(p.rest))
}

// peek skips white space and returns the next byte, or 0 at the end.
func (p *parser) peek() byte {
	for len(p.rest) > 0 {
		switch p.rest[0] {
		case ' ', '\t', '\r', '\n':
			p.rest = p.rest[1:]
		default:
			return p.rest[0]
		}
	}
	return 0
}

// next skips white space, and the symbol if it follows.
func (p *parser) next(symbol byte) bool {
	if p.peek() != symbol || len(p.rest) == 0 {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) word(text string) bool {
	if len(p.rest) < len(text) || string(p.rest[:len(text)]) != text {
		return false
	}
	p.rest = p.rest[len(text):]
	return true
}

func (p *parser) value(depth int) (any, error) {
	first := p.peek()
	switch {
	case first == '"':
		return p.string()
	case first == '{' || first == '[':
		if depth == MaxDepth {
			return nil, fmt.Errorf("JSON is nested more than %d levels deep", MaxDepth)
		}
		p.rest = p.rest[1:]
		if first == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case p.word("true"):
		return true, nil
	case p.word("false"):
		return false, nil
	case p.word("null"):
		return nil, nil
	}
	return p.number()
}

func (p *parser) object(depth int) (any, error) {
	fields := object{}
	if p.next('}') {
		return fields, nil
	}
	for {
		if p.peek() != '"' {
			return nil, p.expected("the name of a field")
		}
		found, err := p.string()
		if err != nil {
			return nil, err
		}
		name, isText := found.(string)
		if !isText {
			name = brokenNames
		}
		if !p.next(':') {
			return nil, p.expected("`:`")
		}
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		if _, isKnown := fields[name]; isKnown {
			value = duplicate{}
		}
		fields[name] = value
		if p.next('}') {
			return fields, nil
		}
		if !p.next(',') {
			return nil, p.expected("`,` or `}`")
		}
	}
}

func (p *parser) array(depth int) (any, error) {
	values := array{}
	if p.next(']') {
		return values, nil
	}
	for {
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		if p.next(']') {
			return values, nil
		}
		if !p.next(',') {
			return nil, p.expected("`,` or `]`")
		}
	}
}

func (p *parser) digits() int {
	count := 0
	for count < len(p.rest) && '0' <= p.rest[count] && p.rest[count] <= '9' {
		count++
	}
	p.rest = p.rest[count:]
	return count
}

func (p *parser) number() (any, error) {
	start := p.rest
	p.word("-")
	if !p.word("0") && p.digits() == 0 {
		return nil, p.expected("a value")
	}
	if p.word(".") && p.digits() == 0 {
		return nil, p.expected("a digit")
	}
	if p.word("e") || p.word("E") {
		if !p.word("+") {
			p.word("-")
		}
		if p.digits() == 0 {
			return nil, p.expected("a digit")
		}
	}
	return number(start[:len(start)-len(p.rest)]), nil
}

// string returns a `string` or `broken`.
func (p *parser) string() (any, error) {
	p.rest = p.rest[1:]
	text, isBroken := []byte{}, false
	for len(p.rest) > 0 {
		first := p.rest[0]
		p.rest = p.rest[1:]
		switch {
		case first == '"':
			if isBroken {
				return broken{}, nil
			}
			return string(text), nil
		case first == '\\':
			letter, err := p.escape()
			if err != nil {
				return nil, err
			}
			if utf16.IsSurrogate(letter) {
				isBroken = true
			}
			text = utf8.AppendRune(text, letter)
		case first < ' ':
			return nil, errors.New("a string has a control character")
		default:
			text = append(text, first)
		}
	}
	return nil, p.expected("the end of a string")
}

// escape parses an escape sequence, or a pair of them, after the first backslash.
func (p *parser) escape() (rune, error) {
	const names, values = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for index := range []byte(names) {
		if p.word(names[index : index+1]) {
			return rune(values[index]), nil
		}
	}
	letter, err := p.unit()
	if err != nil || !utf16.IsSurrogate(letter) {
		return letter, err
	}
	before := p.rest
	if p.word(`\`) {
		if second, err := p.unit(); err == nil {
			if pair := utf16.DecodeRune(letter, second); pair != utf8.RuneError {
				return pair, nil
			}
		}
	}
	p.rest = before
	return letter, nil
}

// unit parses `uXXXX`.
func (p *parser) unit() (rune, error) {
	if !p.word("u") || len(p.rest) < 4 {
		return 0, p.expected("an escape sequence")
	}
	for _, digit := range p.rest[:4] {
		if !('0' <= digit && digit <= '9' || 'a' <= digit && digit <= 'f' || 'A' <= digit && digit <= 'F') {
			return 0, p.expected("four hexadecimal digits")
		}
	}
	unit, err := strconv.ParseUint(string(p.rest[:4]), 16, 32)
	p.rest = p.rest[4:]
	return rune(unit), err
}

// asObject returns a JSON object whose field names have no unpaired surrogates.
func asObject(value any) (object, error) {
	found, isObject := value.(object)
	if !isObject {
		return nil, errNotAnObject
	}
	if _, isBroken := found[brokenNames]; isBroken {
		return nil, errors.New("the name of a field has an unpaired surrogate")
	}
	return found, nil
}

// text returns a field that is a string without unpaired surrogates.
func (o object) text(name string) (string, error) {
	found, isText := o[name].(string)
	if !isText {
		return "", fmt.Errorf("`%s` is missing, a duplicate field, or not a string", name)
	}
	return found, nil
}

// integer64 returns a field that is an unsigned 64-bit integer.
func (o object) integer64(name string) (uint64, error) {
	written, _ := o[name].(number)
	return integer64(string(written), name)
}

// integer64 parses 1 to 20 digits.
func integer64(digits, name string) (uint64, error) {
	found, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || len(digits) > 20 || !areDigits(digits) {
		return 0, fmt.Errorf("`%s` must be an integer between 0 and 18446744073709551615", name)
	}
	return found, nil
}

// areDigits reports whether a text has ASCII digits only.
func areDigits(text string) bool {
	for _, letter := range text {
		if letter < '0' || letter > '9' {
			return false
		}
	}
	return text != ""
}
