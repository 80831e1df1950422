// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

// What the tests make umbel.go do: ../../interop.py has the language of stdin and stdout.
//
// usage: agent NAME [OVERFLOW] | agent --decode
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"umbel"
)

var client *umbel.Client
var subs sync.Map
var printing sync.Mutex
var listening sync.WaitGroup

func say(words ...any) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(words...)
}

func writeHex(bytes []byte) string {
	if len(bytes) == 0 {
		return "-"
	}
	return hex.EncodeToString(bytes)
}

func readHex(word string) []byte {
	bytes, _ := hex.DecodeString(strings.TrimPrefix(word, "-"))
	return bytes
}

func writeHeader(value any) string {
	switch v := value.(type) {
	case nil:
		return "~"
	case bool:
		return map[bool]string{false: "!0", true: "!1"}[v]
	case float32:
		return writeHeader(float64(v))
	case float64:
		return "%" + strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return "$" + hex.EncodeToString([]byte(v))
	case []byte:
		return "@" + hex.EncodeToString(v)
	}
	return fmt.Sprint("#", value)
}

func readHeader(word string) any {
	rest := word[1:]
	switch word[0] {
	case '!':
		return rest == "1"
	case '#':
		if value, err := strconv.ParseInt(rest, 10, 64); err == nil {
			return value
		}
		value, _ := strconv.ParseUint(rest, 10, 64)
		return value
	case '%':
		value, _ := strconv.ParseFloat(rest, 64)
		return value
	case '$':
		return string(readHex(rest))
	case '@':
		return readHex(rest)
	}
	return nil
}

func writeHeaders(headers umbel.Map) string {
	words := []string{}
	for key, value := range headers {
		words = append(words, key+"="+writeHeader(value))
	}
	if len(words) == 0 {
		return "-"
	}
	sort.Strings(words)
	return strings.Join(words, ",")
}

func readHeaders(word string) umbel.Map {
	if word == "-" {
		return nil
	}
	headers := umbel.Map{}
	for _, pair := range strings.Split(word, ",") {
		key, value, _ := strings.Cut(pair, "=")
		headers[unquoted(key)] = readHeader(value)
	}
	return headers
}

func unquoted(word string) string {
	text, _ := url.PathUnescape(word)
	return text
}

func readOptions(words []string) umbel.Map {
	options := umbel.Map{}
	for _, word := range words {
		name, text, isText := strings.Cut(word, "=")
		if options[name] = true; isText {
			options[name] = unquoted(text)
		}
	}
	return options
}

func reversed(bytes []byte) []byte {
	out := make([]byte, len(bytes))
	for i, b := range bytes {
		out[len(bytes)-1-i] = b
	}
	return out
}

func onEvent(event string, about ...any) {
	switch event {
	case "gap":
		say("gap", about[0])
	case "hold":
		say("hold", map[any]int{false: 0, true: 1}[about[0]], about[2], about[3])
	case "error":
		err := about[0].(*umbel.Error)
		say("error", err.Code, err.About)
	default:
		say(event)
	}
}

// listen has a function called for each message.
func listen(filter string, options umbel.Map, handler func(*umbel.Message)) (*umbel.Subscription, error) {
	sub, err := client.Subscribe(filter, options)
	if err != nil {
		return nil, err
	}
	listening.Add(1)
	go func() {
		defer listening.Done()
		for m := range sub.C {
			handler(m)
		}
	}()
	return sub, nil
}

func subscribe(key, filter string, options umbel.Map) error {
	sub, err := listen(filter, options, func(m *umbel.Message) {
		say("msg", key, m.Topic, writeHex(m.Payload), writeHeaders(m.Headers))
	})
	subs.Store(key, sub)
	return err
}

func serve(key, filter, group string) error {
	_, err := listen(filter, umbel.Map{"group": strings.TrimPrefix(group, "group=")}, func(m *umbel.Message) {
		say("asked", key)
		client.Publish(umbel.Message{Topic: m.Reply, Payload: reversed(m.Payload), Headers: m.Headers})
	})
	return err
}

// relay asks while other messages wait for it.
func relay(topic, filter string) error {
	_, err := listen(filter, umbel.Map{}, func(m *umbel.Message) {
		reply, err := client.Request(umbel.Message{Topic: topic, Payload: m.Payload}, 5*time.Second)
		if err == nil {
			say("ok", "relayed", writeHex(reply.Payload))
		}
	})
	return err
}

func burst(topic string, count, size int) error {
	for number := 0; number < count; number++ {
		payload := []byte(strings.Repeat("x", size))
		binary.BigEndian.PutUint32(payload, uint32(number))
		if err := client.Publish(umbel.Message{Topic: topic, Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}

func message(words []string) umbel.Message {
	options := readOptions(words[3:])
	reply, _ := options["reply"].(string)
	return umbel.Message{Topic: unquoted(words[0]), Reply: reply, Payload: readHex(words[1]),
		Headers: readHeaders(words[2]), Retain: options["retain"] != nil}
}

// hello is another client, that comes and goes.
func hello(name string, options umbel.Map) (err error) {
	if will, isAsked := options["will"].(string); isAsked {
		words := strings.Split(will, ",")
		options["will"], err = msgpack.Marshal([]any{3, len(words) - 2, make([]byte, 8), words[0], nil, nil, readHex(words[1])})
	}
	other := &umbel.Client{Name: name, Hello: options}
	other.Connect()
	other.Close()
	return err
}

func do(verb string, words []string) (results []any, err error) {
	switch verb {
	case "sub":
		err = subscribe(words[0], unquoted(words[1]), readOptions(words[2:]))
	case "hello":
		err = hello(unquoted(words[1]), readOptions(words[2:]))
	case "deaf":
		_, err = client.Subscribe(words[1], nil)
	case "unsub":
		sub, _ := subs.Load(words[1])
		client.Unsubscribe(sub.(*umbel.Subscription))
	case "serve":
		err = serve(words[0], words[1], words[2])
	case "relay":
		err = relay(words[0], words[1])
	case "pub":
		if err = client.Publish(message(words[1:])); err == nil {
			results, err = client.Flush()
		}
	case "burst":
		count, _ := strconv.Atoi(words[2])
		size, _ := strconv.Atoi(words[3])
		if err = burst(words[1], count, size); err == nil {
			results, err = client.Flush()
		}
	case "req":
		var m *umbel.Message
		if m, err = client.Request(message(words[1:]), 5*time.Second); err == nil {
			results = []any{writeHex(m.Payload), writeHeaders(m.Headers)}
		}
	}
	return
}

func obey(words []string) {
	results, err := do(words[0], words[1:])
	var refusal *umbel.Error
	if errors.As(err, &refusal) {
		say("failed", words[1], refusal.Code)
	} else if err != nil {
		say("failed", words[1], err)
	} else {
		say(append([]any{"ok", words[1]}, results...)...)
	}
}

// plain is the tree as the vectors write it.
func plain(value any) any {
	switch v := value.(type) {
	case []byte:
		return umbel.Map{"bin": hex.EncodeToString(v)}
	case float32, float64:
		return umbel.Map{"float": v}
	case umbel.Map:
		pairs := [][]any{}
		for key, item := range v {
			pairs = append(pairs, []any{key, plain(item)})
		}
		return umbel.Map{"map": pairs}
	case []any:
		items := []any{}
		for _, item := range v {
			items = append(items, plain(item))
		}
		return items
	}
	return value
}

func decode(data []byte) ([]any, error) {
	reader := bytes.NewReader(data)
	frame, err := umbel.Read(reader, 4<<20)
	if err == nil && reader.Len() > 0 {
		err = fmt.Errorf("%d bytes too many", reader.Len())
	}
	return frame, err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	if os.Args[1] == "--decode" {
		for lines.Scan() {
			frame, err := decode(readHex(lines.Text()))
			text, _ := json.Marshal(plain(frame))
			if err != nil {
				say("refused", err)
			} else {
				say(string(text))
			}
		}
		return
	}
	client = &umbel.Client{Name: os.Args[1], OnEvent: onEvent}
	if len(os.Args) > 2 {
		client.Hello = umbel.Map{"overflow": os.Args[2]}
	}
	client.Connect()
	for lines.Scan() {
		go obey(strings.Split(lines.Text(), " "))
	}
	client.Close()
	listening.Wait()
}
