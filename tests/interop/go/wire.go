// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

package umbel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

const fHello, fWelcome, fPublish, fSubscribe, fUnsubscribe, fDeliver, fGap = 1, 2, 3, 4, 5, 6, 7
const fOK, fError, fPing, fPong, fGoaway, fHold = 8, 9, 10, 11, 12, 13
const revoked = uint64(38) // an error: the subscriptions to its topic have ended

// What a broker may send: the elements after the type, as is() knows them.
var shapes = map[uint64]string{fWelcome: "uuum", fPublish: "78sSMb", fDeliver: "uMP", fGap: "nns", fOK: "u",
	fError: "nsuyS", fPing: "t", fPong: "tnnn", fGoaway: "su", fHold: "yuss"}
var uints = map[rune]uint64{'7': 1<<7 - 1, 'u': 1<<32 - 1, 't': 1<<53 - 1, 'n': 1<<64 - 1}

// is knows kinds: 7, u, t, n: a uint; s: str, m: map (S, M: or nil); b: bin, 8: of 8 bytes; y: bool; P: a PUBLISH.
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
		return kind == 'P' && len(v) > 0 && v[0] == uint64(fPublish) && fits(v)
	case uint64:
		most, isUint := uints[kind]
		return isUint && v <= most
	}
	return false
}

// fits says whether a broker sends such a frame.
func fits(frame []any) bool {
	kind, _ := frame[0].(uint64)
	shape, known := shapes[kind]
	for i, kind := range shape {
		known = known && i+1 < len(frame) && is(kind, frame[i+1])
	}
	return known
}

// Read returns the next frame; of an extension, which is skipped, only its type.
func Read(from io.Reader, maxFrame uint64) ([]any, error) {
	prefix := make([]byte, 5)
	if _, err := io.ReadFull(from, prefix); err != nil {
		return nil, err
	}
	length := uint64(binary.BigEndian.Uint32(prefix[1:]))
	if prefix[0] != 0xce || length > maxFrame+4096 {
		return nil, fmt.Errorf("no umbel broker: a frame begins with %x", prefix)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(from, body); err != nil {
		return nil, err
	}
	return decode(body)
}

func decode(body []byte) (frame []any, err error) {
	reader := bytes.NewReader(body)
	decoder := msgpack.NewDecoder(reader)
	n, err := decoder.DecodeArrayLen()
	for err == nil && len(frame) < n {
		frame = append(frame, nil)
		frame[len(frame)-1], err = value(decoder, 9)
		if kind, isUint := frame[0].(uint64); isUint && kind >= 0x80 {
			return frame, err
		}
	}
	if err == nil && (reader.Len() > 0 || len(frame) == 0 || !fits(frame)) {
		err = fmt.Errorf("no frame that a broker sends: %.40x", body)
	}
	return frame, err
}

// value is the next one, with so many levels below it at most. A uint is a uint64, another integer an int64.
func value(from *msgpack.Decoder, levels int) (any, error) {
	code, err := from.PeekCode()
	switch {
	case err != nil || levels == 0:
		return nil, fmt.Errorf("a frame is cut off, or nested too deep")
	case msgpcode.IsFixedArray(code) || code == msgpcode.Array16 || code == msgpcode.Array32:
		n, err := from.DecodeArrayLen()
		array := []any{}
		for err == nil && len(array) < n {
			array = append(array, nil)
			array[len(array)-1], err = value(from, levels-1)
		}
		return array, err
	case msgpcode.IsFixedMap(code) || code == msgpcode.Map16 || code == msgpcode.Map32:
		n, err := from.DecodeMapLen()
		pairs := Map{}
		for i := 0; err == nil && i < n; i++ {
			var key string
			if key, err = from.DecodeString(); err == nil {
				pairs[key], err = value(from, levels-1)
			}
		}
		return pairs, err
	case msgpcode.IsBin(code):
		return from.DecodeBytes()
	}
	scalar, err := from.DecodeInterfaceLoose()
	if n, isInt := scalar.(int64); isInt && n >= 0 {
		return uint64(n), err
	}
	return scalar, err
}

// publishOf is the frame that says m.
func publishOf(m Message) []any {
	flags, reply := 0, any(m.Reply)
	if m.Retain {
		flags = 1
	}
	if m.Reply == "" {
		reply = nil
	}
	// append: nil would be encoded as nil, and no bytes are a bin all the same
	return []any{fPublish, flags, make([]byte, 8), m.Topic, reply, m.Headers, append([]byte{}, m.Payload...)}
}

// messageOf is what a PUBLISH says.
func messageOf(publish []any) *Message {
	stamp := publish[2].([]byte)
	m := &Message{Session: binary.BigEndian.Uint32(stamp), UID: binary.BigEndian.Uint32(stamp[4:])}
	m.Topic, m.Payload, m.Retain = publish[3].(string), publish[6].([]byte), publish[1].(uint64)&1 != 0
	m.Reply, _ = publish[4].(string)
	m.Headers, _ = publish[5].(Map)
	return m
}

// isTopic is rule T1 of PROTOCOL.md.
func isTopic(text string) bool {
	bad := func(r rune) bool { return r == '*' || unicode.IsSpace(r) || unicode.IsControl(r) }
	return len(text) < 256 && utf8.ValidString(text) && !strings.Contains("."+text+".", "..") && strings.IndexFunc(text, bad) < 0
}

// matches: `*` is one token, `**`, at the end, one or more; neither is what is the broker's.
func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && strings.HasPrefix(filter, "*") {
		return false
	}
	tokens, wanted := strings.Split(topic, "."), strings.Split(filter, ".")
	for i, token := range wanted {
		if i == len(tokens) || token == "**" || token != "*" && token != tokens[i] {
			return i < len(tokens) && token == "**"
		}
	}
	return len(tokens) == len(wanted)
}
