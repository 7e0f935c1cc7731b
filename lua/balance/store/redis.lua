-- SPDX-License-Identifier: MIT
--- A store in a Redis server, for a fleet of machines, on a client that the
-- user brings: lua-resty-redis in nginx, redis-lua elsewhere. How long an
-- operation may take is that client's matter.
-- @module balance.store.redis

local schema = require "balance.schema"

local _M = {}

local Store = {}
Store.__index = Store

-- lua-resty-redis: nothing is ngx.null, which is a light userdata, and errors
-- come beside nil or false. redis-lua: nothing is nil, and errors are raised.
local function read(ok, reply, err)
  if not ok then
    return nil, tostring(reply)
  elseif not reply and err then
    return nil, tostring(err)
  elseif type(reply) == "userdata" then
    return nil
  end
  return reply
end

local function connect(store)
  if type(store.client) ~= "function" then
    return store.client
  end
  local client, err = read(pcall(store.client))
  if not client then
    return nil, err or "there is no client"
  end
  return client
end

-- A client of the user's function goes back to nginx's pool, if it knows how;
-- one that something went wrong with does not.
local function leave(store, client, err)
  if type(store.client) == "function" and client.set_keepalive then
    pcall(err and client.close or client.set_keepalive, client)
  end
end

local function call(store, command, ...)
  local client, problem = connect(store)
  if not client then
    return nil, problem
  end
  local reply, err = read(pcall(client[command], client, ...))
  leave(store, client, err)
  return reply, err
end

-- PX takes whole milliseconds, and at least one.
local function put(store, key, value, exptime, condition)
  key = store.prefix .. key
  if not exptime or exptime == 0 then
    return call(store, "set", key, value, condition)
  end
  local ms = ("%d"):format(math.max(math.ceil(exptime * 1000), 1))
  return call(store, "set", key, value, "PX", ms, condition)
end

--- The value under a key.
-- @tparam string key
-- @treturn ?string nil where there is none, or its time is over
-- @treturn ?string why it cannot be told
function Store:get(key)
  return call(self, "get", self.prefix .. key)
end

--- Puts a value under a key.
-- @tparam string key
-- @tparam string value
-- @tparam ?number exptime seconds, also a part of one; without one, or with 0,
-- for good
-- @treturn ?boolean true
-- @treturn ?string why it was not done
function Store:set(key, value, exptime)
  local reply, err = put(self, key, value, exptime)
  if not reply then
    return nil, err or "Redis did not set it"
  end
  return true
end

--- Puts a value under a key that has none.
-- @tparam string key
-- @tparam string value
-- @tparam ?number exptime as of `set`
-- @treturn ?boolean true; false and "exists"; or nil
-- @treturn ?string and why it was not done
function Store:add(key, value, exptime)
  local reply, err = put(self, key, value, exptime, "NX")
  if reply then
    return true
  elseif err then
    return nil, err
  end
  return false, "exists"
end

--- Takes away what is under a key.
-- @tparam string key
-- @treturn ?boolean true, whether there was something or not
-- @treturn ?string why it was not done
function Store:delete(key)
  local reply, err = call(self, "del", self.prefix .. key)
  if not reply then
    return nil, err
  end
  return true
end

local known = { prefix = { "string" } }

--- Makes a store. A client of lua-resty-redis belongs to one request of
-- nginx: there, give a function that makes one and connects it; it is called
-- for each operation, and what it returned is put into nginx's pool after it.
-- @tparam table|function client connected; or a function that returns one,
-- or nil and an error
-- @tparam ?table options `prefix`: before each key (none; the keys of the
-- cache begin with "balance:")
-- @treturn table
-- @raise for an unknown option, or a client that is none
---@param client table|fun(): table?, string?
---@param options? { prefix?: string }
---@return balance.Store
function _M.new(client, options)
  local given, mistake = schema.read_options(options, known)
  if type(client) ~= "table" and type(client) ~= "userdata"
    and type(client) ~= "function" then
    mistake = "a client must be a table or a function, not a " .. type(client)
  end
  if mistake then
    error("balance.store.redis: " .. mistake, 2)
  end
  return setmetatable({
    client = client,
    prefix = given.prefix or "",
  }, Store)
end

return _M
