// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

// Package umbel is a small client of umbel, written from PROTOCOL.md alone; ../README.md says more.
package umbel

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"sync"
	"time"
)

// Map is for headers and options.
type Map = map[string]any

// ErrLost says that the connection broke: whether it was done is not known.
var ErrLost = errors.New("the connection is lost")

// Error says that the broker refused (Code as in section 6), or a responder that it failed (Code is its own).
type Error struct{ Code, Text, About any }

func (e *Error) Error() string { return fmt.Sprintf("%v: %v (%v)", e.Code, e.Text, e.About) }

// Message is what a handler gets. Session and UID are the sender's; Info, of a retained value, has its age_ms.
type Message struct {
	Topic, Reply  string
	Payload       []byte
	Headers, Info Map
	Session, UID  uint32
}

// Subscription is what Subscribe returns.
type Subscription struct {
	number  uint64
	filter  string
	pattern *regexp.Regexp
	handler func(*Message)
	options Map
	granted bool     // on this connection: what comes before is not for it
	done    chan any // the first answer
}

type request struct { // a SUBSCRIBE or UNSUBSCRIBE without an answer
	sub  *Subscription
	done chan any
}

// Client is one session after the other. Handlers and OnEvent run one at a time; they may call all but Close.
type Client struct {
	Name, Path  string
	Hello       Map                              // overflow, will
	OnEvent     func(event string, about ...any) // ../README.md lists them
	called      chan bool                        // closed when all handlers have been, so far
	ended       chan bool
	writing     sync.Mutex // not mu: who reads does not wait for who writes
	mu          sync.Mutex // of all that follows
	up          *sync.Cond
	isUp        bool // there is a session, and it may publish
	hasSession  bool
	closing     bool
	conn        net.Conn
	limits      Map
	delay       time.Duration
	next        uint64
	unconfirmed uint64
	subs        map[uint64]*Subscription
	requests    map[uint64]request
	waiting     map[any]chan any // for a reply or PONG, by topic or token
}

// Connect returns when there is a connection.
func (c *Client) Connect() {
	c.up, c.called, c.ended = sync.NewCond(&c.mu), make(chan bool), make(chan bool)
	close(c.called)
	c.limits = Map{} // max_frame: 0 until WELCOME tells
	c.subs, c.requests, c.waiting = map[uint64]*Subscription{}, map[uint64]request{}, map[any]chan any{}
	go c.run()
	c.lockUp()
	c.mu.Unlock()
}

// lockUp locks c.mu when there is a connection.
func (c *Client) lockUp() {
	for c.mu.Lock(); !c.isUp; {
		c.up.Wait()
	}
}

// Publish waits for a connection and for room. That it arrived is for Flush to say. Flags 1: retain.
func (c *Client) Publish(topic string, payload []byte, headers Map, flags int) error {
	return c.publish(topic, nil, payload, headers, flags)
}

func (c *Client) publish(topic string, reply any, payload []byte, headers Map, flags int) error {
	if !isTopic(topic) {
		return fmt.Errorf("no topic: %q", topic)
	}
	// append: nil would be encoded as nil, and no bytes are a bin all the same
	frame, err := encode(fPublish, flags, make([]byte, 8), topic, reply, headers, append([]byte{}, payload...))
	if err != nil {
		return err
	}
	c.lockUp()
	if most := num(c.limits["max_frame"]); uint64(len(frame)-5) > most {
		c.mu.Unlock()
		return fmt.Errorf("too long: %d bytes, max_frame is %d", len(frame)-5, most)
	}
	conn := c.conn
	c.unconfirmed++
	c.mu.Unlock()
	c.send(conn, frame)
	return nil
}

func (c *Client) send(conn net.Conn, frame []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	conn.Write(frame) // who reads hears of errors
}

// Subscribe returns when it is granted. Options: group, retained, monitor.
func (c *Client) Subscribe(filter string, handler func(*Message), options Map) (*Subscription, error) {
	c.mu.Lock()
	c.next++
	sub := &Subscription{c.next, filter, patternOf(filter), handler, options, false, make(chan any, 1)}
	c.subs[sub.number] = sub
	c.ask(sub, sub.done)
	err, _ := (<-sub.done).(error)
	return sub, err
}

// Unsubscribe returns when nothing more can come.
func (c *Client) Unsubscribe(sub *Subscription) {
	c.mu.Lock()
	done := make(chan any, 1)
	if c.conn == nil {
		delete(c.subs, sub.number)
		done <- nil
	}
	c.ask(sub, done)
	<-done
}

// ask sends SUBSCRIBE, or UNSUBSCRIBE for another `done` than the first, and unlocks.
func (c *Client) ask(sub *Subscription, done chan any) {
	conn, frame := c.conn, c.request(sub, done)
	c.mu.Unlock()
	if conn != nil { // else run() will ask
		c.send(conn, frame)
	}
}

func (c *Client) request(sub *Subscription, done chan any) []byte {
	c.next++
	c.requests[c.next] = request{sub, done}
	frame := []any{fUnsubscribe, c.next, sub.number}
	if done == sub.done {
		frame = []any{fSubscribe, c.next, sub.number, sub.filter, orEmpty(sub.options)}
	}
	bytes, _ := encode(frame...)
	return bytes
}

// Request returns the message that comes in reply, or *Error, ErrLost, os.ErrDeadlineExceeded.
func (c *Client) Request(topic string, payload []byte, headers Map, timeout time.Duration) (*Message, error) {
	c.lockUp()
	c.next++
	inbox, done := fmt.Sprintf("%v.%d", c.limits["inbox"], c.next), make(chan any, 1)
	c.waiting[inbox] = done
	c.mu.Unlock()
	defer time.AfterFunc(timeout, func() { c.settle(inbox, os.ErrDeadlineExceeded) }).Stop()
	if err := c.publish(topic, inbox, payload, headers, 0); err != nil {
		c.settle(inbox, err)
	}
	result := <-done
	message, _ := result.(*Message)
	err, _ := result.(error)
	return message, err
}

// Flush returns when all that was published before has been routed: how many were accepted, unmatched, refused.
func (c *Client) Flush() (counts []any, err error) {
	c.lockUp()
	conn, token, done := c.ping()
	c.mu.Unlock()
	c.send(conn, token)
	result := <-done
	counts, _ = result.([]any)
	err, _ = result.(error)
	return counts, err
}

func (c *Client) ping() (net.Conn, []byte, chan any) {
	c.next++
	done := make(chan any, 1)
	c.waiting[c.next] = done
	frame, _ := encode(fPing, c.next)
	return c.conn, frame, done
}

// Close leaves in order: what was published has been routed, what is on its way is handled.
func (c *Client) Close() {
	c.Flush()
	c.mu.Lock()
	c.closing = true
	conn := c.conn
	c.mu.Unlock()
	if frame, _ := encode(fGoaway, "done", 0); conn != nil {
		c.send(conn, frame)
	}
	<-c.ended
	<-c.called
}

func (c *Client) settle(key, result any) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	done, found := c.waiting[key]
	delete(c.waiting, key)
	if found {
		done <- result
	}
	return found
}

func (c *Client) event(event string, about ...any) {
	c.later(func() { c.OnEvent(event, about...) })
}

// later does not wait: a handler may itself wait for what the reader has to read.
func (c *Client) later(call func()) {
	before, after := c.called, make(chan bool)
	c.called = after
	go func() {
		<-before
		call()
		close(after)
	}()
}
