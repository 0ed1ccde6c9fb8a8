#!lua

-- The tick of a node: it tells what happened there, and hears what is known;
-- and if it is time to, the frontier of the line rises.
--
-- KEYS     the state, a hash; bits of who came back, and two bits each of who
--          came and was exchanged, from "base" on; who is inside, by the
--          second when a place is free again; the seconds; who came in them,
--          by parts of the claim window; the events; the sums
-- ARGV     words of 64 bits as at "told" below, six counts of 32 bits, and so
--          many of each:
--            passes       serial, second when its place is free: of 32 bits
--            events       words
--            claims       ticket; serial, second as of a pass: claimed there
--                         without the store
--            tickets      32 bits behind "low", 16 bits: seconds since it was
--                         called, 65535 if it was not: came back
--            words        32 bits: number / 56; 56 bits: who of them came back
--            exchanges    32 bits: number / 28; 56 bits, two each: as KEYS[3]
-- returns  words as at the end, four counts of 32 bits, and so many of each:
--            seconds      as in KEYS[5]
--            parts        as in KEYS[6], for the last seconds that are over
--            events       words
--            sums         16 bits: who came back, by 3584 numbers
--
-- Bytes are little-endian, but for people counted by BITFIELD; bits are in the
-- order of SETBIT.  All that is told may be told twice, and late.
--
-- KEYS[5] is a ring of SECONDS, by the line's clock: the second; people called
-- in it, those of them who claimed, by BITFIELD; admissions before it: of 32
-- bits; the frontier at its end, the next number at its beginning.  KEYS[6] is
-- a ring of PART_SECONDS, 64 counts of 16 bits by BITFIELD.  KEYS[7] is a ring
-- of EVENTS words.
--
-- Who calls is whoever comes when the last call is DUE ms ago.  How many is
-- proposed with each tick, as people per second; it counts if it was found
-- from what the store said within the last STALE ms.

local HALT, LEND, PROPOSED = 2, 4, 8

-- the rings; bytes of one
local SECONDS, SECOND = 4096, 32
local PART_SECONDS, PART_BYTES = 256, 128
local EVENTS = 65536

-- the first byte of an event
local END, LEAVE = 1, 3

local DUE, LONGEST, STALE, MANY = 225, 1000, 3000, 20

-- of adm_line_tick.c: seconds in which a number is young, and stale
local YOUNG, OLD, MINUTE, SOME, SPARE = 8, 30, 60, 20, 1.5
local LOOK, SPAN = 57344, 917504

local SHARE, CARRY, TRIM, TRIM_MOST = 1000000, 1000000, 1000000, 300000

-- numbers of a sum; of bits that are forgotten at once
local SUM, FORGET = 3584, 458752

-- numbers and serials left out after a loss; serials lent at once
local GAP, LOAN = 32768, 8192

-- flags from this one on say how many serials a node would be lent
local LENDS = 256

-- ms for which a new line gives no numbers, so that a node which knows of an
-- older one comes first; for which a line that was lost calls nobody
local QUIET, REST = 1000, 3000

-- ms by which the clock may be set back
local BACK = 10000

-- what no word can be, so that sums of them are exact; numbers that are summed
-- up at most: work is bounded, whatever a node tells
local EXACT, SUMMED = 2 ^ 52, 2293760

-- what one answer tells at most
local RECORDS, TIDINGS = 1024, 4096

-- seconds before the news that are told again: late ones count there
local AGAIN = 12

local PURGE = 1000
local TTL = 604800

local call, floor, max, min = redis.call, math.floor, math.max, math.min
local pack, take = struct.pack, struct.unpack
local byte, char, sub = string.byte, string.char, string.sub

local message = ARGV[1]
local time = call('TIME')
local second, usec = tonumber(time[1]), tonumber(time[2])
local now = second * 1000 + floor(usec / 1000)

local told = {}

told.flags, told.interval, told.claim, told.turn, told.next, told.frontier,
    told.low, told.serial, told.clock, told.born
    = take('<I8I8I8I8I8I8I8I8I8I8', message)

told.voided, told.admitted, told.claims, told.moments, told.lapsed, told.void,
    told.seen, told.heard, told.at, told.called
    = take('<I8I8I8I8I8I8I8I8I8I8', message, 81)

told.calls, told.most, told.share, told.expected, told.drift, told.trim,
    told.summed, told.skipped
    = take('<I8I8I8I8i8I8I8I8', message, 161)

local counts = { take('<I4I4I4I4I4I4', message, 225) }
local place = 249

for _, word in pairs(told) do
    if word >= EXACT or word <= -EXACT then
        return redis.error_reply('ERR the message is no tick')
    end
end


local function on(flag)
    return bit.band(told.flags, flag) ~= 0
end


local function clamp(x, low, high)
    return max(low, min(x, high))
end


-- which memory this is: another after a restart, and after a failover

local function memory()
    local info = redis.pcall('INFO', 'replication')

    return type(info) == 'string'
           and tonumber(string.match(info, 'master_replid:(%x+)')
                        :sub(1, 12), 16) or 0
end


-- the state, and what it was

local s, was = {}, {}
local fields = call('HGETALL', KEYS[1])

for i = 1, #fields, 2 do
    s[fields[i]] = tonumber(fields[i + 1])
    was[fields[i]] = s[fields[i]]
end


-- the least that a line can be

local function begin()
    s = {
        zero = second, run = 0, era = now, born = second, turn = 0,
        next = 1, frontier = 1, low = 1, base = 0, reborn = 0, skipped = 0,
        serial = 1, admitted = 0, claims = 0, moments = 0, moments1 = 0,
        moments2 = 0, lapsed = 0, spent = 0, clock = 1000, moved = now,
        waiting = 0, busy = 1, carry = 0, share = SHARE, trim = TRIM,
        expected = 0, called = 0, young = 1, back = SHARE, voided = 0,
        void = 0, events = 0, summed = 0, rest = now + QUIET,
        quiet = now + QUIET
    }

    was = {}
    call('UNLINK', unpack(KEYS))

    -- a small hash is looked through from its first field on

    for _, name in ipairs({ 'run', 'zero', 'next', 'low', 'serial', 'spent',
                            'admitted', 'frontier', 'base', 'claims',
                            'moments', 'clock', 'rest', 'waiting',
                            'expected', 'quiet' })
    do
        call('HSET', KEYS[1], name, s[name])
    end
end


-- Numbers and serials go on behind a gap, since the store may have given some
-- that nobody told it of again.

local function put_forward()
    if told.next > 1 or s.next > 1 then
        s.next = max(s.next, told.next) + GAP
        s.skipped = max(s.skipped, told.skipped) + GAP
        s.reborn = s.next
        s.young = s.next
    end

    s.serial = max(s.serial, told.serial) + GAP
end


-- what a node knows and the store does not

local function heal()
    local run = memory()
    local lost = s.next == nil

    if lost then
        begin()
    end

    local less = told.next > s.next or told.serial > s.serial
                 or told.frontier > s.frontier

    if less or (s.run ~= run and not lost) then
        put_forward()
        s.era = now
    end

    if less then
        s.rest = now + REST
        s.quiet = 0
        s.share = told.share
        s.trim = told.trim
    end

    s.run = run
    s.frontier = max(s.frontier, told.frontier)

    if lost then
        s.low = max(1, min(told.low, s.frontier))
        s.base = floor(s.low / SUM) * SUM
    end

    s.clock = max(s.clock, told.clock)
    s.voided = max(s.voided, told.voided)
    s.events = max(s.events, told.heard)

    for _, name in ipairs({ 'admitted', 'claims', 'moments', 'lapsed',
                            'called' })
    do
        s[name] = max(s[name], told[name])
    end

    if told.born > 0 then
        s.born = min(s.born, told.born)
    end

    s.born = min(s.born, second)
    s.turn = max(s.turn, told.turn) + 1

    -- by a clock that was set back

    if s.rest > now + BACK or s.quiet > now + BACK then
        s.rest, s.quiet = 0, 0
    end
end


-- bits begin at "base"; who has come back before that is over

local function forget()
    if s.low - s.base < FORGET then
        return
    end

    local base = floor(s.low / SUM) * SUM
    local bytes = (base - s.base) / 8

    call('SET', KEYS[2], call('GETRANGE', KEYS[2], bytes, -1))
    call('SET', KEYS[3], call('GETRANGE', KEYS[3], 2 * bytes, -1))

    s.base = base
end


-- a second's record: 0 if it is not known, then the same as in the ring

local function record(sec)
    local at = sec % SECONDS * SECOND
    local bytes = call('GETRANGE', KEYS[5], at, at + SECOND - 1)

    if sec < 1 or #bytes < SECOND then
        return 0
    end

    local found, called, claimed, admitted, frontier, following
        = take('<I4>I4I4<I4I8I8', bytes)

    return found == sec and sec or 0, called, claimed, admitted, frontier,
           following
end


local function put_record(sec, called, claimed, admitted, frontier, following)
    call('SETRANGE', KEYS[5], sec % SECONDS * SECOND,
         pack('<I4>I4I4<I4I8I8', sec, called, claimed, admitted, frontier,
              following))
end


local function call_more(sec, n)
    if sec > 0 then
        call('BITFIELD', KEYS[5], 'INCRBY', 'u32',
             (sec % SECONDS * SECOND + 4) * 8, n)
    end
end


local function bits(from, to)
    if from >= to then
        return 0
    end

    return call('BITCOUNT', KEYS[2], from - s.base, to - 1 - s.base, 'BIT')
end


-- what is told -------------------------------------------------------------

local function hear_passes()
    local n = counts[1]

    while n > 0 do
        local seats = {}

        for _ = 1, min(n, 500) do
            local serial, over
            serial, over, place = take('<I4I4', message, place)

            if serial >= s.voided then
                seats[#seats + 1] = over
                seats[#seats + 1] = serial
            end
        end

        if #seats > 0 then
            call('ZADD', KEYS[4], 'GT', unpack(seats))
        end

        n = n - 500
    end
end


local function hear_events()
    for _ = 1, counts[2] do
        local event = sub(message, place, place + 7)
        local number = take('<I8', sub(event, 1, 7) .. '\0')
        local kind = byte(event, 8)

        place = place + 8

        call('SETRANGE', KEYS[7], s.events % EVENTS * 8, event)
        s.events = s.events + 1

        if kind == END then
            call('ZREM', KEYS[4], number)

        elseif kind == LEAVE and number >= s.low and number < s.next then
            call('SETBIT', KEYS[2], number - s.base, 0)
        end
    end
end


local function hear_claims()
    for _ = 1, counts[3] do
        local ticket, serial, over
        ticket, serial, over, place = take('<I8I4I4', message, place)

        if over > second and serial >= s.voided then
            call('ZADD', KEYS[4], 'GT', over, serial)
        end

        if ticket >= s.low and ticket < s.next then
            local at = 2 * (ticket - s.base)

            call('SETBIT', KEYS[3], at, 1)

            if call('SETBIT', KEYS[3], at + 1, 1) == 0 then
                s.claims = s.claims + 1
                s.admitted = s.admitted + 1
            end
        end
    end
end


-- who comes back when the frontier has passed is called by that

local function hear_tickets()
    local seconds = floor(told.clock / 1000)
    local late = {}

    for _ = 1, counts[4] do
        local ticket, age
        ticket, age, place = take('<I4I2', message, place)
        ticket = told.low + ticket

        if ticket >= s.low and ticket < s.next
           and call('SETBIT', KEYS[2], ticket - s.base, 1) == 0
           and ticket < s.frontier
        then
            local sec = age < 65535 and seconds - age
                        or floor(s.clock / 1000)
            late[sec] = (late[sec] or 0) + 1
        end
    end

    for sec, n in pairs(late) do
        call_more(sec, n)
        s.called = s.called + n
    end
end


local function hear_words(n, key, width, low, high)
    for _ = 1, n do
        local word = take('<I4', message, place)
        local at = (word * 56 - s.base * width) / 8
        local number = word * 56 / width

        if number + 56 / width > low and number < high and at >= 0 then
            local seen = call('GETRANGE', key, at, at + 6)

            if #seen < 7 then
                seen = seen .. string.rep('\0', 7 - #seen)
            end

            local a, b, c, d, e, f, g = byte(seen, 1, 7)
            local t, u, v, w, x, y, z = byte(message, place + 4, place + 10)

            call('SETRANGE', key, at,
                 char(bit.bor(a, t), bit.bor(b, u), bit.bor(c, v),
                      bit.bor(d, w), bit.bor(e, x), bit.bor(f, y),
                      bit.bor(g, z)))
        end

        place = place + 11
    end
end


local function void()
    if told.void > s.void then
        s.void = told.void
        s.voided = s.serial
        call('UNLINK', KEYS[4])
    end
end


-- the frontier -------------------------------------------------------------

-- numbers that had been given "age" seconds ago, at most "most"

local function given(sec, age, most)
    local found, _, _, _, _, following = record(sec - age)

    return min(max(found ~= 0 and following or 0, s.reborn), most)
end


-- the end of [from, to) when cut behind the n-th bit; it has so many

local function cut(from, to, n)
    while to - from > 1 do
        local middle = floor((from + to) / 2)
        local met = bits(from, middle)

        if met >= n then
            to = middle

        else
            n = n - met
            from = middle
        end
    end

    return to
end


-- behind the "wanted"-th bit of [from, to), or the last; and how many it met

local function find(from, to, wanted)
    local met, low, length = 0, from, max(64, 2 * wanted)

    while met < wanted and low < to do
        local high = min(to, low + length)
        local n = bits(low, high)

        if met + n >= wanted then
            return cut(low, high, wanted - met), wanted
        end

        met = met + n
        low = high
        length = 2 * length
    end

    return met > 0 and cut(from, low, met) or from, met
end


-- people expected of the numbers from "from" on that have not come back yet

local function absent(from)
    from = max(from, s.young)

    return from < s.next
           and (s.next - from - bits(from, s.next)) * s.back / SHARE or 0
end


-- as adm_line_walk() and adm_line_reach()

local function reach(sec, wanted)
    local from = s.frontier
    local to = max(from, min(s.next, from + LOOK,
                             s.low - s.low % 56 + SPAN))
    local old = given(sec, YOUNG, to)
    local behind, met = find(from, old, wanted)

    if met < wanted then
        local first = max(from, old)
        local further, more
            = find(first, min(to, first + wanted - met), wanted - met)

        if more > 0 then
            behind, met = further, met + more
        end
    end

    if bits(behind, to) > 0 then
        s.waiting = 1
        return behind, met
    end

    if to == s.next
       and absent(behind) <= SPARE * 1000000000 / told.interval
    then
        s.waiting = 0
        s.busy = sec
    end

    return max(behind, given(sec, OLD, to)), met
end


local function begin_second(sec)
    put_record(sec, 0, 0, s.admitted, s.frontier, s.next)
    call('SETRANGE', KEYS[6], sec % PART_SECONDS * PART_BYTES,
         string.rep('\0', PART_BYTES))

    s.moments2 = s.moments1
    s.moments1 = s.moments

    local found, called, claimed = record(sec - told.claim - 1)

    if found ~= 0 then
        s.lapsed = s.lapsed + max(0, called - claimed)
    end
end


-- of the numbers of a minute, the share that came back

local function come_back(sec)
    local to = given(sec, YOUNG, s.next)
    local from = max(given(sec, YOUNG + MINUTE, to), s.base)

    s.young = max(to, 1)

    if to - from >= SOME then
        s.back = floor(bits(from, to) * SHARE / (to - from))
    end
end


local function sum_up(sec)
    local sums = {}
    local from = s.frontier
    local last = min(s.next, from + SUMMED)

    while from < last do
        local to = min(last, (floor(from / SUM) + 1) * SUM)

        sums[#sums + 1] = pack('<I2', bits(from, to))
        from = to
    end

    call('SET', KEYS[8], pack('<I8I8', s.frontier, last)
                         .. table.concat(sums))
    s.summed = sec
end


-- as adm_line_wanted(): of the places that were left, those who have been
-- called since or have entered without being called have some

local function people(elapsed)
    local all = MANY * 1000000000 / told.interval
    local entered = s.admitted - s.claims - told.admitted + told.claims
    local left = told.most - (s.called - told.called)
                 - entered * SHARE / max(told.share, 1)

    all = min(all, told.calls / 1000000) * elapsed / 1000

    return max(min(all, left), 0) + s.carry / CARRY
end


local function rise(sec, elapsed)
    local all = people(elapsed)
    local wanted = floor(all)
    local to, met = reach(sec, wanted)

    s.carry = floor((all - wanted) * CARRY)
    s.share = told.share
    s.expected = told.expected
    s.trim = clamp(s.trim + told.drift / 1000 * elapsed / 1000,
                   TRIM - TRIM_MOST, TRIM + TRIM_MOST)

    if to > s.frontier then
        local found, called, claimed, admitted, _, following = record(sec)

        s.frontier = to
        s.called = s.called + met

        if found ~= 0 then
            put_record(sec, called + met, claimed, admitted, to, following)
        end
    end
end


local function move(elapsed)
    local last = floor(s.clock / 1000)

    s.clock = s.clock + elapsed

    local sec = floor(s.clock / 1000)

    if record(last) == 0 then
        begin_second(last)
    end

    for i = max(last + 1, sec - 3), sec do
        begin_second(i)
    end

    s.low = max(s.low, min(told.low, s.frontier))

    if sec > last then
        forget()
        come_back(sec)
        sum_up(sec)
    end

    if on(PROPOSED) and now - told.at <= STALE and now >= s.rest then
        rise(sec, elapsed)
    end
end


local function tick()
    local elapsed = now - s.moved

    if elapsed < 0 then
        elapsed = DUE
    end

    -- who cannot say how many leaves the turn to others, while there may be any

    local able = on(HALT) or on(PROPOSED) and now - told.at <= STALE

    if elapsed < DUE or elapsed < LONGEST and not able then
        return
    end

    s.moved = now

    if not on(HALT) then
        move(min(elapsed, LONGEST))
    end

    local over = min(call('ZCOUNT', KEYS[4], '-inf', second), PURGE)

    if over > 0 then
        call('ZREMRANGEBYRANK', KEYS[4], 0, over - 1)
    end
end


-- what is known ------------------------------------------------------------

local function ring(key, first, last, size, bytes)
    local parts = {}

    while first <= last do
        local at = first % size
        local n = min(last - first + 1, size - at)

        local part = call('GETRANGE', key, at * bytes, (at + n) * bytes - 1)

        parts[#parts + 1] = part
        parts[#parts + 1] = string.rep('\0', n * bytes - #part)
        first = first + n
    end

    return table.concat(parts)
end


local function answer(lent)
    local sec = floor(s.clock / 1000)
    local first = max(1, sec - SECONDS + 2, told.seen + 1 - AGAIN)

    if told.seen > sec then
        first = max(1, sec - SECONDS + 2)
    end

    local last = min(sec, first + RECORDS - 1)
    local records = ring(KEYS[5], first, last, SECONDS, SECOND)

    -- parts of the seconds that are over and not seen yet

    local ended = min(last, sec - 1)
    local from = max(told.seen + 1, first, sec - PART_SECONDS + 2)
    local parts = ring(KEYS[6], from, ended, PART_SECONDS, PART_BYTES)

    local heard = told.heard

    if heard > s.events or heard < s.events - EVENTS then
        heard = max(0, s.events - EVENTS)
    end

    local events = ring(KEYS[7], heard,
                        min(s.events, heard + TIDINGS) - 1, EVENTS, 8)
    local sums = ''

    if s.summed ~= told.summed then
        sums = call('GET', KEYS[8]) or ''
    end

    if #sums < 16 then
        sums = pack('<I8I8', 0, 0)
    end

    local used = max(0, s.spent - (second - s.zero) * 1000000 - usec)
    local active = call('ZCOUNT', KEYS[4], '(' .. second, '+inf')

    local n = { #records / SECOND, #parts / PART_BYTES, #events / 8,
                (#sums - 16) / 2 }

    return pack('<I8I8I8I8I8I8I8I8I8I8', now, s.era, s.turn, s.clock,
                s.frontier, s.next, s.low, s.reborn, s.serial, s.admitted)
           .. pack('<I8I8I8I8I8I8I8I8I8I8', s.claims, s.moments, s.lapsed,
                   used * 1000, active, s.waiting, s.busy, s.share, s.trim,
                   s.expected)
           .. pack('<I8I8I8I8I8I8I8I8I8I8', s.called, s.young, s.back,
                   s.voided, s.born, s.moments - s.moments2, lent, heard,
                   first, from)
           .. pack('<I8I8I8I8', s.skipped, s.summed, take('<I8I8', sums))
           .. pack('<I4I4I4I4', unpack(n))
           .. records .. parts .. events .. sub(sums, 17)
end


local function keep()
    local changes = {}

    for name, value in pairs(s) do
        if value ~= was[name] then
            changes[#changes + 1] = name
            changes[#changes + 1] = value
        end
    end

    call('HSET', KEYS[1], unpack(changes))

    if s.moved == now then
        for i = 1, #KEYS do
            call('EXPIRE', KEYS[i], TTL)
        end
    end
end


heal()
hear_passes()
hear_claims()
hear_events()
hear_tickets()
hear_words(counts[5], KEYS[2], 1, s.low, s.next)
hear_words(counts[6], KEYS[3], 2, s.low, s.frontier)
void()

local lent = 0

if on(LEND) then
    lent = s.serial
    s.serial = s.serial + min(floor(told.flags / LENDS), LOAN)
end

tick()

local reply = answer(lent)

keep()

return reply
