-- SPDX-License-Identifier: MIT
--- Calls that the cache answers at once.
--
-- Where a call found a fresh answer in the cache, its way is kept for a
-- second: a call with the same options looks at the same entry, and is done
-- where that still has this answer, or another one that has been read. Else it
-- goes the way of `balance.call`, which looks anew at all that may have changed:
-- the environment, files, roles.
-- @module balance.hits

local cache = require "balance.cache"
local configs = require "balance.config"
local loops = require "balance.loop"

local _M = {}

local lifetime = 1 -- second
local max_kept = 256 -- sets of options, of a client and a provider

local without_options = {}

-- By the first credential, as the calls of a gateway may differ in it.
local function place_of(provider, given)
  if next(given) == nil then
    return without_options
  end
  local first = provider.credentials[1]
  return first and given[first.name] or ""
end

-- Whether a call like this is known by its options: not where these have
-- tables, which the caller may change, or functions, which may be one request's
-- only; nor where a function returns the keys.
local function is_plain(call)
  local own = call.client.settings[call.provider.name]
  if call.account ~= nil or own and own.credentials then
    return false
  end
  for _, value in next, call.given do
    if type(value) == "table" or type(value) == "function" then
      return false
    end
  end
  return true
end

--- Keeps the way of a call that found a fresh answer.
-- @tparam table call see `balance.call`
-- @tparam table entry of `balance.cache`, made when its options had been looked
-- at
function _M.keep(call, entry)
  if not is_plain(call) then
    return
  end
  local hits = call.client.hits
  local own = hits[call.provider]
  local place = place_of(call.provider, call.given)
  -- Where the oldest is over, all go: no key stays here for long.
  if not own or entry:age(own.since) >= lifetime
    or not own.by_place[place] and own.count >= max_kept then
    own = { by_place = {}, count = 0, since = entry.made_at }
    hits[call.provider] = own
  end
  if not own.by_place[place] then
    own.count = own.count + 1
  end
  own.by_place[place] = { given = call.given, entry = entry }
end

--- The result of a call that needs nothing but the cache's fresh answer.
-- @tparam table client its settings
-- @tparam table own its `hits` for the provider
-- @tparam table provider
-- @param given the options as the caller gave them
-- @treturn ?balance.Result nil: the call has to be made
function _M.find(client, own, provider, given)
  local place = without_options
  if given ~= nil then
    if type(given) ~= "table" or getmetatable(given) ~= nil then
      return nil
    end
    place = place_of(provider, given)
  end
  local kept = own.by_place[place]
  if not kept or given and not configs.are_equal(kept.given, given)
    or not loops.enter(client.settings.loop) then
    return nil
  end
  local result = cache.hit(kept.entry, lifetime)
  if result then
    return result
  elseif own.by_place[place] == kept then -- still, as the store may wait
    own.by_place[place], own.count = nil, own.count - 1
  end
end

return _M
