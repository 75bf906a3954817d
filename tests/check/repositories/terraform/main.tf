resource "kubernetes_secret" "pull" {
  type = "kubernetes.io/dockerconfigjson"
}
