-- SPDX-License-Identifier: MIT
--- A store in the memory of this process, with the methods of
-- ngx.shared.DICT that the cache needs:
--
-- - `get(key)` returns the value, or nil; where it fails, nil and a message.
-- - `set(key, value, exptime)` and `add(key, value, exptime)`, which sets only
--   a key that has no value, return true; or nil and a message. `add` returns
--   false and "exists" where there is one.
-- - `delete(key)` returns true; or nil and a message.
-- @module balance.store.memory

local core = require "balance.core"
local schema = require "balance.schema"

local _M = {}

local Store = {}
Store.__index = Store

local function has_expired(entry, now)
  return entry.expires and entry.expires <= now
end

local function find(store, key)
  local entry = store.entries[key]
  if entry and not has_expired(entry, store.now()) then
    return entry
  end
end

local function remove(store, key)
  if store.entries[key] then
    store.entries[key] = nil
    store.count = store.count - 1
  end
end

-- Removes all that has expired; where nothing has, the oldest entry.
local function make_room(store)
  local now, oldest = store.now(), nil
  for key, entry in pairs(store.entries) do
    if has_expired(entry, now) then
      remove(store, key)
    elseif not oldest or entry.number < store.entries[oldest].number then
      oldest = key
    end
  end
  if store.count >= store.max then
    remove(store, oldest)
  end
end

--- The value under a key.
-- @tparam string key
-- @return nil where there is none, or it has expired
function Store:get(key)
  local entry = find(self, key)
  return entry and entry.value
end

--- Puts a value under a key.
-- @tparam string key
-- @param value
-- @tparam ?number exptime seconds; nil or 0: it does not expire
-- @treturn boolean true
function Store:set(key, value, exptime)
  remove(self, key)
  if self.count >= self.max then
    make_room(self)
  end
  self.count = self.count + 1
  self.number = self.number + 1
  self.entries[key] = {
    value = value,
    number = self.number,
    expires = exptime and exptime > 0 and self.now() + exptime or nil,
  }
  return true
end

--- Puts a value under a key that has no value.
-- @tparam string key
-- @param value
-- @tparam ?number exptime as of `set`
-- @treturn boolean true; or false and "exists"
-- @treturn ?string
function Store:add(key, value, exptime)
  if find(self, key) then
    return false, "exists"
  end
  return self:set(key, value, exptime)
end

--- Removes what is under a key.
-- @tparam string key
-- @treturn boolean true, whether there was something or not
function Store:delete(key)
  remove(self, key)
  return true
end

local known = {
  max = { "number", read = function(count, what)
    if not (count >= 1 and count < math.huge) then
      return nil, what .. " must be 1 or more"
    end
    return count
  end },
  now = { "function" },
}

--- Makes a store.
-- @tparam ?table options `max`: how many entries (1000) before the oldest is
-- removed; `now`: the clock, a function (the monotonic clock)
-- @treturn table
-- @raise for a wrong option
function _M.new(options)
  local given, mistake = schema.read_options(options, known)
  if not given then
    error("balance.store.memory: " .. mistake, 2)
  end
  return setmetatable({
    max = given.max or 1000,
    now = given.now or core.now,
    entries = {}, -- by key: { value, number, expires }
    count = 0, -- how many entries there are
    number = 0, -- of the newest entry; they are numbered in their order
  }, Store)
end

return _M
