-- SPDX-License-Identifier: MIT
--- A store in a Redis server, for several machines, with a client that the
-- caller has: lua-resty-redis in nginx, redis-lua elsewhere. That client also
-- sets the time limits. The methods are those of `balance.store.memory`.
-- @module balance.store.redis

local schema = require "balance.schema"

local _M = {}

local Store = {}
Store.__index = Store

-- lua-resty-redis returns ngx.null, a light userdata, for no value, and nil or
-- false and a message for an error. redis-lua returns nil for no value, and
-- raises errors.
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

-- Puts a client that the caller's function made into nginx's pool, where it
-- has one; after an error it is closed.
local function release(store, client, err)
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
  release(store, client, err)
  return reply, err
end

-- PX takes whole milliseconds, one at least.
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
-- @treturn ?string nil where there is none, or it has expired
-- @treturn ?string where it failed, why
function Store:get(key)
  return call(self, "get", self.prefix .. key)
end

--- Puts a value under a key.
-- @tparam string key
-- @tparam string value
-- @tparam ?number exptime seconds, fractions too; nil or 0: it does not expire
-- @treturn ?boolean true
-- @treturn ?string where it failed, why
function Store:set(key, value, exptime)
  local reply, err = put(self, key, value, exptime)
  if not reply then
    return nil, err or "Redis did not set it"
  end
  return true
end

--- Puts a value under a key that has no value.
-- @tparam string key
-- @tparam string value
-- @tparam ?number exptime as of `set`
-- @treturn ?boolean true; false and "exists"; or nil
-- @treturn ?string then, why it failed
function Store:add(key, value, exptime)
  local reply, err = put(self, key, value, exptime, "NX")
  if reply then
    return true
  elseif err then
    return nil, err
  end
  return false, "exists"
end

--- Removes what is under a key.
-- @tparam string key
-- @treturn ?boolean true, whether there was something or not
-- @treturn ?string where it failed, why
function Store:delete(key)
  local reply, err = call(self, "del", self.prefix .. key)
  if not reply then
    return nil, err
  end
  return true
end

local known = { prefix = { "string" } }

--- Makes a store. A client of lua-resty-redis belongs to one request of nginx.
-- There, give a function that makes and connects a client: it is called for
-- each operation, after which the client is put into nginx's pool.
-- @tparam table|function client connected; or a function that returns one,
-- or nil and an error
-- @tparam ?table options `prefix`: before each key (none; the keys of the
-- cache begin with "balance:")
-- @treturn table
-- @raise for a wrong option, or a client of a wrong type
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
