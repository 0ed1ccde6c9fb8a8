-- What a site's script sees of Lua, and nothing else.
--
-- Called once, as a state is made, with all globals of LuaJIT, and with the
-- functions of patterns, whose steps are counted.  What could run long in C
-- is replaced here by Lua, whose instructions are; what could swallow an
-- error, reach a file, load code or leave something for another request in
-- what all share is left out.
--
-- Returns the environment, and a function after which it is read-only.

local real, patterns = ...

local error, type, setmetatable = real.error, real.type, real.setmetatable
local tostring, select = real.tostring, real.select
local sub, concat = real.string.sub, real.table.concat
local floor = real.math.floor
local locate, find = patterns.locate, patterns.find


-- Members of a table that cannot be changed, by those names
local function chosen(from, names)
    local members = {}

    for i = 1, #names do
        members[names[i]] = from[names[i]]
    end

    return members
end


local function sealed(members, name)
    return setmetatable({}, {
        __index = members,
        __metatable = false,
        __newindex = function()
            error('"' .. name .. '" is read-only', 2)
        end
    })
end


-- The first match at "at" or behind: where the next one may begin, and the
-- captures, or the whole
local function gmatch(text, pattern)
    local at = 1

    local function seen(first, last, ...)
        if first then
            at = (last < first and first or last) + 1
            return ...
        end

        at = #text + 2
    end

    return function()
        if at <= #text + 1 then
            return seen(locate(text, pattern, at))
        end
    end
end


-- What "%0" to "%9" and "%%" stand for
local function expanded(replacement, whole, ...)
    local parts, at = {}, 1
    local escape = find(replacement, '%', 1, true)

    while escape do
        local mark = sub(replacement, escape + 1, escape + 1)
        local value = mark

        if mark == '0' then
            value = whole
        elseif find(mark, '^%d$') then
            value = select(mark + 0, ...)
        end

        parts[#parts + 1] = sub(replacement, at, escape - 1)
        parts[#parts + 1] = tostring(value or '')

        at = escape + 2
        escape = find(replacement, '%', at, true)
    end

    parts[#parts + 1] = sub(replacement, at)

    return concat(parts)
end


local function replaced(replacement, whole, capture, ...)
    local kind, value = type(replacement)

    if kind == 'function' then
        value = replacement(capture, ...)
    elseif kind == 'table' then
        value = replacement[capture]
    elseif kind == 'string' or kind == 'number' then
        return expanded(tostring(replacement), whole, capture, ...)
    else
        error('bad argument #3 to "gsub"', 3)
    end

    if not value then
        return whole
    end

    if type(value) ~= 'string' and type(value) ~= 'number' then
        error('"gsub" got a ' .. type(value) .. ' to replace with', 3)
    end

    return tostring(value)
end


local function gsub(text, pattern, replacement, most)
    local parts, n, at = {}, 0, 1
    local anchored = sub(pattern, 1, 1) == '^'

    local function seen(first, last, ...)
        if not first then
            return false
        end

        n = n + 1
        parts[#parts + 1] = sub(text, at, first - 1)
        parts[#parts + 1] = replaced(replacement, sub(text, first, last), ...)
        at = last + 1

        if last < first then
            parts[#parts + 1] = sub(text, first, first)
            at = first + 1
        end

        return not anchored
    end

    while (not most or n < most) and at <= #text + 1
          and seen(locate(text, pattern, at))
    do end

    parts[#parts + 1] = sub(text, at)

    return concat(parts), n
end


local function rep(text, n)
    if n < 1 then
        return ''
    end

    if #text * n > 65536 then
        error('"rep" makes at most 65536 bytes', 2)
    end

    return real.string.rep(text, n)
end


local function less(a, b)
    return a < b
end


-- A heap: as many steps whatever the order, and whatever "before" says
local function sort(list, before)
    before = before or less

    local function sink(from, to)
        local value = list[from]

        while 2 * from <= to do
            local child = 2 * from

            if child < to and before(list[child], list[child + 1]) then
                child = child + 1
            end

            if not before(value, list[child]) then
                break
            end

            list[from] = list[child]
            from = child
        end

        list[from] = value
    end

    local n = #list

    for i = floor(n / 2), 1, -1 do
        sink(i, n)
    end

    for i = n, 2, -1 do
        list[1], list[i] = list[i], list[1]
        sink(1, i - 1)
    end
end


local function insert(list, at, ...)
    local n = #list

    if select('#', ...) == 0 then
        list[n + 1] = at
        return
    end

    for i = n, at, -1 do
        list[i + 1] = list[i]
    end

    list[at] = (...)
end


local function remove(list, at)
    local n = #list

    at = at or n

    if n == 0 then
        return nil
    end

    local value = list[at]

    for i = at, n do
        list[i] = list[i + 1]
    end

    return value
end


local strings = chosen(real.string, {
    'byte', 'char', 'format', 'len', 'lower', 'reverse', 'sub', 'upper'
})

strings.find, strings.match = find, patterns.match
strings.gmatch, strings.gsub, strings.rep = gmatch, gsub, rep

local tables = { concat = concat, insert = insert, remove = remove, sort = sort }

local maths = chosen(real.math, {
    'abs', 'acos', 'asin', 'atan', 'atan2', 'ceil', 'cos', 'deg', 'exp',
    'floor', 'fmod', 'frexp', 'huge', 'ldexp', 'log', 'log10', 'max', 'min',
    'modf', 'pi', 'pow', 'rad', 'random', 'sin', 'sqrt', 'tan'
})

local bits = chosen(real.bit, {
    'arshift', 'band', 'bnot', 'bor', 'bswap', 'bxor', 'lshift', 'rol', 'ror',
    'rshift', 'tobit', 'tohex'
})

-- Strings are indexed by their methods
local of_strings = real.getmetatable('')

of_strings.__index = strings
of_strings.__metatable = false


local globals = chosen(real, {
    'assert', 'error', 'ipairs', 'next', 'pairs', 'select', 'tonumber',
    'tostring', 'type', 'unpack'
})

globals.string = sealed(strings, 'string')
globals.table = sealed(tables, 'table')
globals.math = sealed(maths, 'math')
globals.bit = sealed(bits, 'bit')

local open = true

local environment = setmetatable({}, {
    __index = globals,
    __metatable = false,
    __newindex = function(_, name, value)
        if not open then
            error('global "' .. tostring(name) .. '" is set by a request, '
                  .. 'it must be a local', 2)
        end

        globals[name] = value
    end
})


return environment, function()
    open = false
end
