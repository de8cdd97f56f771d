package keysync

import (
	"container/list"
	"sync"
	"time"
)

// recent remembers values by name: at most `capacity`, of which it forgets the one remembered first.
type recent[T any] struct {
	capacity int
	byName   map[string]*list.Element
	byAge    list.List
}

type remembered[T any] struct {
	name  string
	value T
}

func newRecent[T any](capacity int) recent[T] {
	return recent[T]{capacity: capacity, byName: map[string]*list.Element{}}
}

func (r *recent[T]) get(name string) (value T, isKnown bool) {
	element, isKnown := r.byName[name]
	if isKnown {
		value = element.Value.(remembered[T]).value
	}
	return value, isKnown
}

func (r *recent[T]) set(name string, value T) {
	r.remove(name)
	if oldest := r.byAge.Front(); oldest != nil && r.byAge.Len() >= r.capacity {
		r.remove(oldest.Value.(remembered[T]).name)
	}
	r.byName[name] = r.byAge.PushBack(remembered[T]{name, value})
}

func (r *recent[T]) remove(name string) {
	if element, isKnown := r.byName[name]; isKnown {
		r.byAge.Remove(element)
		delete(r.byName, name)
	}
}

// ReplayGuard remembers the ids of verified events for twice the tolerance, after which a replayed
// callback is too old anyway. It prevents duplicate side effects; it does not know the order of events.
type ReplayGuard struct {
	mutex         sync.Mutex
	rememberedFor time.Duration
	seenAt        recent[time.Time]
}

// NewReplayGuard returns a guard that remembers at most `capacity` ids, such as 100,000.
func NewReplayGuard(tolerance time.Duration, capacity int) *ReplayGuard {
	return &ReplayGuard{rememberedFor: 2 * tolerance, seenAt: newRecent[time.Time](capacity)}
}

// IsNew reports whether the event was not seen before, and remembers its id.
func (g *ReplayGuard) IsNew(eventID string, now time.Time) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for oldest := g.seenAt.byAge.Front(); oldest != nil; oldest = g.seenAt.byAge.Front() {
		found := oldest.Value.(remembered[time.Time])
		if now.Sub(found.value) <= g.rememberedFor {
			break
		}
		g.seenAt.remove(found.name)
	}
	if _, isKnown := g.seenAt.get(eventID); isKnown {
		return false
	}
	g.seenAt.set(eventID, now)
	return true
}

// Forget forgets an event that you could not process, before a 503: its retry must not count as a
// duplicate.
func (g *ReplayGuard) Forget(eventID string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.seenAt.remove(eventID)
}

// Order is the order of a notification relative to the newest one of its key.
type Order string

// Act on a newer one only: acting on a stale one would undo the newer one.
const (
	Newer    Order = "newer"
	Repeated Order = "repeated"
	Stale    Order = "stale"
)

// Latest has the newest notification of each key, for the keys that were notified last. A real service
// stores it in its database, with the sequence.
type Latest struct {
	mutex sync.Mutex
	byKey recent[*Notification]
}

// NewLatest returns a Latest for at most `capacity` keys, such as 100,000.
func NewLatest(capacity int) *Latest {
	return &Latest{byKey: newRecent[*Notification](capacity)}
}

// Offer stores a notification if it is newer.
func (l *Latest) Offer(notification *Notification) Order {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	known, isKnown := l.byKey.get(notification.KeyID)
	if isKnown && notification.Sequence == known.Sequence {
		return Repeated
	}
	if isKnown && notification.Sequence < known.Sequence {
		return Stale
	}
	l.byKey.set(notification.KeyID, notification)
	return Newer
}

// Get returns the newest notification of a key, or nil.
func (l *Latest) Get(keyID string) *Notification {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	known, _ := l.byKey.get(keyID)
	return known
}
