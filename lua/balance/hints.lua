-- SPDX-License-Identifier: MIT
--- What to do about failures that are the same for every provider.
-- @module balance.hints

-- OpenSSL's verdicts on a certificate (X509_V_ERR_...).
local certificate = {
  [9] = "the certificate is not valid yet: is this machine's clock right?",
  [10] = "the certificate has expired, or this machine's clock is wrong",
  [18] = "the certificate is signed by itself; give its CA as ca_file",
  [19] = "its CA is unknown here; give it as ca_file",
  [20] = "its CA is unknown here: install ca-certificates, or give ca_file",
  [21] = "its CA is unknown here: install ca-certificates, or give ca_file",
  [26] = "the certificate is not one for a server",
  [66] = "the certificate's key is too short for today: it wants a new one",
  [68] = "the certificate's signature is too weak: it wants a new one",
  [79] = "the certificate is signed by one that is no CA",
}

-- What libcurl says where OpenSSL has no verdict.
local handshake = {
  ["subject name"] = "the certificate is for another host: check the endpoint",
  ["cert name field"] = "the certificate hides another host in its name",
  ["wrong version number"] = "no TLS is spoken there: check the endpoint",
}

local bad_ca_file = 77 -- CURLE_SSL_CACERT_BADFILE

local _M = {}

local function of_handshake(message)
  for words, hint in pairs(handshake) do
    if message:find(words, 1, true) then
      return hint
    end
  end
end

--- A hint for a transfer without an answer.
-- @tparam table result of a transfer
-- @treturn ?string
function _M.of(result)
  if result.kind == "tls" then
    return certificate[result.verify] or of_handshake(result.message)
      or "the server must speak TLS 1.2 or newer with a trusted certificate"
  elseif result.code == bad_ca_file then
    return "check ca_file and ca_path, or SSL_CERT_FILE and SSL_CERT_DIR"
  elseif result.kind == "config" then
    return "check the option proxy, or https_proxy in the environment"
  end
end

return _M
