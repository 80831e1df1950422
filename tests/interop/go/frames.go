// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

package umbel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

const fHello, fWelcome, fPublish, fSubscribe, fUnsubscribe, fDeliver, fGap = 1, 2, 3, 4, 5, 6, 7
const fOK, fError, fPing, fPong, fGoaway, fHold = 8, 9, 10, 11, 12, 13
const revoked = 38

// What a broker may send: the elements after the type, as is() knows them.
var shapes = map[uint64]string{fWelcome: "uuum", fPublish: "78sSMb", fDeliver: "uMP", fGap: "nns", fOK: "u",
	fError: "nsuyS", fPing: "t", fPong: "tnnn", fGoaway: "su", fHold: "yuss"}
var bits = map[rune]int{'7': 7, 'u': 32, 't': 53, 'n': 64}
var notInTopics = regexp.MustCompile(
	`[\x00-\x20\x7f-\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}*]`)

// is knows kinds: 7, u, t, n: a uint of so many bits; s: str, m: map (S, M: or nil); b: bin, 8: of 8 bytes; y: bool;
// P: a PUBLISH.
func is(kind rune, value any) bool {
	switch v := value.(type) {
	case nil:
		return kind == 'S' || kind == 'M'
	case bool:
		return kind == 'y'
	case string:
		return (kind == 's' || kind == 'S') && utf8.ValidString(v)
	case Map:
		return kind == 'm' || kind == 'M'
	case []byte:
		return kind == 'b' || kind == '8' && len(v) == 8
	case []any:
		return kind == 'P' && fits(v) && num(v[0]) == fPublish
	}
	v := reflect.ValueOf(value)
	isUint := v.CanUint() || v.CanInt() && v.Int() >= 0
	return isUint && bits[kind] > 0 && num(value)>>(bits[kind]-1)>>1 == 0
}

func fits(frame []any) bool {
	if len(frame) == 0 || !is('7', frame[0]) {
		return false
	}
	shape, known := shapes[num(frame[0])]
	for i, kind := range shape {
		known = known && i+1 < len(frame) && is(kind, frame[i+1])
	}
	return known
}

// num is a uint: its type in Go depends on how it was encoded.
func num(value any) uint64 {
	if v := reflect.ValueOf(value); v.CanUint() {
		return v.Uint()
	} else if v.CanInt() {
		return uint64(v.Int())
	}
	return 0
}

// readBody reads the next frame's body.
func readBody(from io.Reader, maxFrame uint64) ([]byte, error) {
	prefix := make([]byte, 5)
	if _, err := io.ReadFull(from, prefix); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(prefix[1:])
	if prefix[0] != 0xce || uint64(length) > maxFrame+4096 {
		return nil, fmt.Errorf("no umbel broker: a frame begins with %x", prefix)
	}
	body := make([]byte, length)
	_, err := io.ReadFull(from, body)
	return body, err
}

// decode returns the frame in body; of an extension, which is skipped, only its type.
func decode(body []byte) (frame []any, err error) {
	reader := bytes.NewReader(body)
	decoder := msgpack.NewDecoder(reader)
	n, err := decoder.DecodeArrayLen()
	for err == nil && len(frame) < n {
		var value any
		value, err = decoder.DecodeInterface()
		frame = append(frame, value)
		if is('n', frame[0]) && num(frame[0]) >= 0x80 {
			return frame, err
		}
	}
	if err == nil && (reader.Len() > 0 || !fits(frame)) {
		err = fmt.Errorf("no frame that a broker sends: %.40x", body)
	}
	return frame, err
}

func encode(frame ...any) ([]byte, error) {
	body, err := msgpack.Marshal(frame)
	return append(binary.BigEndian.AppendUint32([]byte{0xce}, uint32(len(body))), body...), err
}

func orEmpty(options Map) Map {
	if options == nil {
		return Map{}
	}
	return options
}

func message(publish []any, info any) *Message {
	stamp := publish[2].([]byte)
	m := &Message{Session: binary.BigEndian.Uint32(stamp), UID: binary.BigEndian.Uint32(stamp[4:])}
	m.Topic, m.Payload = publish[3].(string), publish[6].([]byte)
	m.Reply, _ = publish[4].(string)
	m.Headers, _ = publish[5].(Map)
	m.Info, _ = info.(Map)
	return m
}

func isTopic(text string) bool {
	return len(text) <= 255 && utf8.ValidString(text) && !strings.Contains("."+text+".", "..") &&
		!notInTopics.MatchString(text)
}

func patternOf(filter string) *regexp.Regexp {
	pattern := strings.NewReplacer(`\*\*`, ".+", `\*`, "[^.]+").Replace(regexp.QuoteMeta(filter))
	return regexp.MustCompile("(?s)^" + pattern + "$")
}

func matches(sub *Subscription, topic string) bool {
	reserved := topic[0] == '$' && strings.HasPrefix(sub.filter, "*")
	return !reserved && sub.pattern.MatchString(topic)
}

// Decode is for tests: the frame that is all of data.
func Decode(data []byte) ([]any, error) {
	reader := bytes.NewReader(data)
	body, err := readBody(reader, 4<<20)
	if err == nil && reader.Len() > 0 {
		err = fmt.Errorf("%d bytes too many", reader.Len())
	}
	if err != nil {
		return nil, err
	}
	return decode(body)
}
