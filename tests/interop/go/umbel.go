// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

// Package umbel is a small client of umbel, written from PROTOCOL.md alone; ../README.md says more.
// This file is what a program uses; link.go keeps a connection, and wire.go knows its frames.
package umbel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Map is for headers and options.
type Map = map[string]any

// Error says that the broker refused (Code as in section 6), or a responder that it failed (Code is its own).
type Error struct{ Code, Text, About any }

func (e *Error) Error() string { return fmt.Sprintf("%v: %v (%v)", e.Code, e.Text, e.About) }

// ErrLost says that the connection broke: whether it was done is not known.
var ErrLost = errors.New("the connection is lost")

// Message is what is published and what comes, then with the sender's session and uid.
type Message struct {
	Topic, Reply string
	Payload      []byte
	Headers      Map
	Retain       bool
	Session, UID uint32
}

// Subscription has its messages in C. While one is full, with 4096 messages, the client reads nothing.
type Subscription struct {
	C         chan *Message
	number    uint64
	filter    string
	options   Map
	isGranted bool // on this connection: what comes before is not for it
}

// Client is one connection after the other.
type Client struct {
	Name, Path    string
	Hello         Map                              // what is asked for: overflow, will
	OnEvent       func(event string, about ...any) // must not wait; ../README.md says what comes
	links         chan *link                       // the one that may publish; who has it may change subs
	subs, waiting sync.Map                         // by number; by what the answer names: a number or topic
	next          atomic.Uint64
	leaving       context.Context // done by Close
	leave         context.CancelFunc
	ended         chan bool
}

// Connect returns when there is a connection.
func (c *Client) Connect() {
	if c.OnEvent == nil {
		c.OnEvent = func(string, ...any) {}
	}
	c.links, c.ended = make(chan *link, 1), make(chan bool)
	c.leaving, c.leave = context.WithCancel(context.Background())
	go c.run()
	c.online()
}

func (c *Client) online() *link {
	l := <-c.links
	c.links <- l
	return l
}

// Publish waits for a connection and for room. That it arrived is for Flush to say.
func (c *Client) Publish(m Message) error { return c.online().publish(m) }

// Request returns the message that comes in reply, or *Error, ErrLost, os.ErrDeadlineExceeded.
func (c *Client) Request(m Message, timeout time.Duration) (*Message, error) {
	late := time.After(timeout)
	select {
	case l := <-c.links:
		c.links <- l
		m.Reply = fmt.Sprintf("%s.%d", l.inbox, c.next.Add(1))
		return ask[*Message](c, l, m.Reply, late, func() error { return l.publish(m) })
	case <-late:
		return nil, os.ErrDeadlineExceeded
	}
}

// Flush returns when all that was published before has been routed: how many were accepted, unmatched, refused.
func (c *Client) Flush() ([]any, error) {
	l, token := c.online(), c.next.Add(1)
	return ask[[]any](c, l, token, nil, func() error { return l.send(fPing, token) })
}

// Subscribe returns when it is granted. Options: group, retained, monitor.
func (c *Client) Subscribe(filter string, options Map) (*Subscription, error) {
	sub := &Subscription{make(chan *Message, 4096), c.next.Add(1), filter, options, false}
	l := <-c.links
	c.subs.Store(sub.number, sub)
	c.links <- l
	_, err := ask[any](c, l, sub.number, nil, func() error { return l.subscribe(sub) })
	if err == ErrLost {
		err = nil // the next connection asks again
	}
	return sub, err
}

// Unsubscribe returns when nothing more can come, and C is closed behind what has come. Somebody has to read C meanwhile.
func (c *Client) Unsubscribe(sub *Subscription) {
	for err := ErrLost; err == ErrLost; {
		l := c.online()
		_, err = ask[any](c, l, sub.number, nil, func() error { return l.send(fUnsubscribe, sub.number, sub.number) })
	}
}

// Close leaves in order: what was published is routed; what is on its way comes, as far as C has room; then C ends.
func (c *Client) Close() {
	c.leave()
	select {
	case l := <-c.links:
		c.links <- l
		l.send(fGoaway, "done", 0)
	default: // begin does it
	}
	<-c.ended
}

// ask sends, and waits for what settles the key.
func ask[T any](c *Client, l *link, key any, late <-chan time.Time, send func() error) (answer T, err error) {
	done := make(chan any, 1)
	c.waiting.Store(key, done)
	defer c.waiting.Delete(key)
	if err = send(); err == nil {
		select {
		case result := <-done:
			answer, _ = result.(T)
			err, _ = result.(error)
		case <-l.lost:
			err = ErrLost
		case <-late:
			err = os.ErrDeadlineExceeded
		}
	}
	return
}

func (c *Client) settle(key, result any) bool {
	done, found := c.waiting.LoadAndDelete(key)
	if found {
		done.(chan any) <- result
	}
	return found
}
