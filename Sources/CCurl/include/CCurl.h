#ifndef KONTOR_CCURL_H
#define KONTOR_CCURL_H

#include <curl/curl.h>

/// curl_easy_setopt(3), curl_multi_setopt(3) and curl_easy_getinfo(3) take a variable number of arguments, which Swift
/// cannot call. These are the same with one type each; the callbacks all have the shape of CURLOPT_WRITEFUNCTION.

typedef size_t (*kontor_curl_data)(char *data, size_t size, size_t count, void *context);

static inline CURLcode kontor_curl_set_long(CURL *curl, CURLoption option, long value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode kontor_curl_set_size(CURL *curl, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode kontor_curl_set_text(CURL *curl, CURLoption option, const char *value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode kontor_curl_set_pointer(CURL *curl, CURLoption option, void *value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode kontor_curl_set_list(CURL *curl, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode kontor_curl_set_data(CURL *curl, CURLoption option, kontor_curl_data value) {
  return curl_easy_setopt(curl, option, value);
}
/// The bytes are copied.
static inline CURLcode kontor_curl_set_blob(CURL *curl, CURLoption option, void *data, size_t size) {
  struct curl_blob blob = {data, size, CURL_BLOB_COPY};
  return curl_easy_setopt(curl, option, &blob);
}
static inline CURLMcode kontor_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}
static inline long kontor_curl_status(CURL *curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}
/// The file of certificate authorities that libcurl takes by default; NULL if it was built without one.
static inline const char *kontor_curl_authorities(CURL *curl) {
  char *path = NULL;
  curl_easy_getinfo(curl, CURLINFO_CAINFO, &path);
  return path;
}
/// How a transfer ended, if `message` says that one did: its CURLcode, else -1.
static inline int kontor_curl_result(const CURLMsg *message) {
  return message->msg == CURLMSG_DONE ? (int)message->data.result : -1;
}

#endif
