-- SPDX-License-Identifier: MIT
--- A store in the memory of this process, with the methods of
-- ngx.shared.DICT that the cache needs.
-- @module balance.store.memory

local core = require "balance.core"
local schema = require "balance.schema"

local _M = {}

local Store = {}
Store.__index = Store

--- What the cache may be given as its `store`; `ngx.shared.NAME` is one.
---@class balance.Store
---@field get fun(self, key: string): string?, any nil and a text where it failed
---@field set fun(self, key: string, value: string, exptime?: number): boolean?, string?
---@field add fun(self, key: string, value: string, exptime?: number): boolean?, string?
---@field delete fun(self, key: string): boolean?, string?

local function is_over(entry, now)
  return entry.expires and entry.expires <= now
end

local function find(store, key)
  local entry = store.entries[key]
  if entry and not is_over(entry, store.now()) then
    return entry
  end
end

local function remove(store, key)
  if store.entries[key] then
    store.entries[key] = nil
    store.count = store.count - 1
  end
end

-- What has expired goes first; where nothing has, the oldest.
local function make_room(store)
  local now, oldest = store.now(), nil
  for key, entry in pairs(store.entries) do
    if is_over(entry, now) then
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
-- @return nil where there is none, or its time is over
function Store:get(key)
  local entry = find(self, key)
  return entry and entry.value
end

--- Puts a value under a key.
-- @tparam string key
-- @param value
-- @tparam ?number exptime seconds; without one, or with 0, for good
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

--- Puts a value under a key that has none.
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

--- Takes away what is under a key.
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
-- @tparam ?table options `max`: how many entries (1000), the oldest goes;
-- `now`: the clock, a function (a monotonic one)
-- @treturn table
-- @raise for an unknown option, or one that will not do
---@param options? { max?: integer, now?: fun(): number }
---@return balance.Store
function _M.new(options)
  local given, mistake = schema.read_options(options, known)
  if not given then
    error("balance.store.memory: " .. mistake, 2)
  end
  return setmetatable({
    max = given.max or 1000,
    now = given.now or core.now,
    entries = {}, -- by key: { value, number, expires }
    count = 0, -- of them
    number = 0, -- of the last set
  }, Store)
end

return _M
