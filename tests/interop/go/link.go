// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

package umbel

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// link is one connection.
type link struct {
	net.Conn
	maxFrame uint64
	inbox    string
	isEnding bool // by the broker's GOAWAY
	delay    time.Duration
	lost     chan bool // closed at the end
}

// dial calls the broker at path, else at $UMBEL_SOCKET, else the user's, else the system's.
func dial(path string) (net.Conn, error) {
	for _, path := range []string{path, os.Getenv("UMBEL_SOCKET")} {
		if path != "" {
			return net.Dial("unix", path)
		}
	}
	if conn, err := net.Dial("unix", os.Getenv("XDG_RUNTIME_DIR")+"/umbel/umbel.sock"); err == nil {
		return conn, nil
	}
	return net.Dial("unix", "/run/umbel/umbel.sock")
}

func (l *link) subscribe(sub *Subscription) error {
	return l.send(fSubscribe, sub.number, sub.number, sub.filter, orEmpty(sub.options))
}

// orEmpty is for what must be a map: nil would be encoded as nil.
func orEmpty(options Map) Map {
	if options == nil {
		return Map{}
	}
	return options
}

func (l *link) publish(m Message) error {
	if !isTopic(m.Topic) || m.Reply != "" && !isTopic(m.Reply) {
		return fmt.Errorf("no topic: %q, or no reply: %q", m.Topic, m.Reply)
	}
	return l.send(publishOf(m)...)
}

// send waits for room. Who reads hears of errors of the connection.
func (l *link) send(frame ...any) error {
	data := bytes.NewBuffer([]byte{0xce, 0, 0, 0, 0})
	encoder := msgpack.NewEncoder(data)
	encoder.UseCompactInts(true)
	if err := encoder.Encode(frame); err != nil {
		return err
	}
	length := data.Len() - 5
	if uint64(length) > l.maxFrame {
		return fmt.Errorf("too long: %d bytes, max_frame is %d", length, l.maxFrame)
	}
	binary.BigEndian.PutUint32(data.Bytes()[1:], uint32(length))
	l.Write(data.Bytes()) // whole, whoever else writes
	return nil
}

// run has one connection after the other.
func (c *Client) run() {
	for pause := 10 * time.Millisecond; c.leaving.Err() == nil; {
		l := &link{maxFrame: 1 << 15, lost: make(chan bool)}
		err := c.converse(l)
		if close(l.lost); l.inbox != "" {
			pause = 10 * time.Millisecond
			c.OnEvent("down", err)
		}
		select {
		case <-time.After(l.delay + pause*3/4 + time.Duration(time.Now().Nanosecond())%(pause/2)): // ± 25 %
		case <-c.leaving.Done():
		}
		if pause *= 2; pause > 2*time.Second {
			pause = 2 * time.Second
		}
	}
	c.subs.Range(func(number, _ any) bool { c.end(number); return true })
	close(c.ended)
}

// converse says hello and reads to the end of the stream.
func (c *Client) converse(l *link) (err error) {
	if l.Conn, err = dial(c.Path); err != nil {
		return err
	}
	defer l.Close()
	l.send(fHello, 1, c.Name, orEmpty(c.Hello))
	var frame []any
	for reader := bufio.NewReader(l); err == nil; {
		if frame, err = Read(reader, l.maxFrame); err == nil {
			err = c.take(l, frame)
		}
	}
	if l.inbox != "" && !l.isEnding {
		l.Close() // begin may still be sending
		<-c.links
	}
	c.subs.Range(func(_, sub any) bool { sub.(*Subscription).isGranted = false; return true })
	return err
}

// begin asks again for the subscriptions; then others may use the connection.
func (c *Client) begin(l *link) {
	l.send(fSubscribe, 1<<32-1, 0, l.inbox+".*", Map{})
	c.subs.Range(func(_, sub any) bool { l.subscribe(sub.(*Subscription)); return true })
	if c.links <- l; c.leaving.Err() != nil {
		l.send(fGoaway, "done", 0)
	}
}

// take does what a frame of the broker asks for.
func (c *Client) take(l *link, f []any) error {
	switch f[0].(uint64) {
	case fWelcome:
		return c.welcomed(l, f[4].(Map))
	case fPublish:
		c.heard(messageOf(f))
	case fDeliver:
		if sub, found := c.subs.Load(f[1]); found {
			c.deliver(sub.(*Subscription), messageOf(f[3].([]any)))
		}
	case fOK:
		if sub, found := c.subs.Load(f[1]); found && sub.(*Subscription).isGranted {
			c.end(f[1]) // it was an UNSUBSCRIBE
		} else if found {
			sub.(*Subscription).isGranted = true
		}
		c.settle(f[1], nil)
	case fError:
		c.refused(f[3], &Error{f[1], f[2], f[5]})
	case fPing:
		go l.send(fPong, f[1])
	case fPong:
		c.settle(f[1], f[2:5])
	case fGap:
		c.OnEvent("gap", f[1:4]...)
	case fHold:
		c.OnEvent("hold", f[1:5]...)
	case fGoaway:
		if !l.isEnding {
			go func() { (<-c.links).send(fPing, 0) }()
		}
		l.isEnding, l.delay = true, time.Duration(f[2].(uint64))*time.Millisecond
	}
	return nil
}

func (c *Client) welcomed(l *link, limits Map) error {
	inbox, _ := limits["inbox"].(string)
	maxFrame, _ := limits["max_frame"].(uint64)
	if inbox == "" || maxFrame == 0 || l.inbox != "" {
		return errors.New("no umbel broker: a WELCOME without limits, or a second one")
	}
	l.inbox, l.maxFrame = inbox, maxFrame
	c.OnEvent("up")
	go c.begin(l)
	return nil
}

func (c *Client) heard(m *Message) {
	var result any = m
	if code := m.Headers["error"]; code != nil && code != uint64(0) {
		result = &Error{code, string(m.Payload), nil}
	}
	c.settle(m.Topic, result)
	c.subs.Range(func(_, value any) bool {
		if sub := value.(*Subscription); sub.isGranted && sub.options["group"] == nil && matches(sub.filter, m.Topic) {
			c.deliver(sub, m)
		}
		return true
	})
}

func (c *Client) refused(request any, err *Error) {
	c.subs.Range(func(number, sub any) bool {
		if number == request || err.Code == revoked && sub.(*Subscription).filter == err.About {
			c.end(number)
		}
		return true
	})
	if !c.settle(request, err) && !c.settle(err.About, err) {
		c.OnEvent("error", err)
	}
}

// deliver waits while C is full, but not when we are leaving.
func (c *Client) deliver(sub *Subscription, m *Message) {
	select {
	case sub.C <- m:
	default:
		select {
		case sub.C <- m:
		case <-c.leaving.Done():
			c.OnEvent("gap", uint64(1), uint64(len(m.Payload)), "we leave, and nobody reads "+sub.filter)
		}
	}
}

// end is for who reads: nobody else may close C.
func (c *Client) end(number any) {
	if sub, found := c.subs.LoadAndDelete(number); found {
		close(sub.(*Subscription).C)
	}
}
